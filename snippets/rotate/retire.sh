mcp-auth-ref keys retire
