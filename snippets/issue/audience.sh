TOKEN=$(generate-mcp-token --user-id ada --audience https://mcp.example.com/mcp)
MCP_TOKEN="$TOKEN" validate-mcp-token
