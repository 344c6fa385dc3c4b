mcp-auth-ref serve
