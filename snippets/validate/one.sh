validate-mcp-token
