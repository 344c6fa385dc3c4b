MCP_TOKEN="${MCP_TOKEN%??}" validate-mcp-token
