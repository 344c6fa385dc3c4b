TOKEN=$(generate-mcp-token --user-id ada)
