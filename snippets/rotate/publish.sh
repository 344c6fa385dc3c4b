NEXT=$(mcp-auth-ref keys rotate)
mcp-auth-ref keys list
