MCP_TOKEN="$TOKEN" validate-mcp-token
