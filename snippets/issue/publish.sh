mcp-auth-ref keys jwks > jwks.json
