MCP_TOKEN=$(generate-mcp-token --user-id ada)
export MCP_TOKEN
