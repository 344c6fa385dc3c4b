MCP_LEEWAY=90 mcp-auth-ref settings
