MCP_JWT_SECRET=$(mcp-auth-ref secret new)
export MCP_JWT_SECRET
