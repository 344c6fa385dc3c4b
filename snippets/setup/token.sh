TOKEN=$(generate-mcp-token --user-id ada)
MCP_TOKEN="$TOKEN" validate-mcp-token --verbose
