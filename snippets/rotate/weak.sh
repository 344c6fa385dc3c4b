MCP_JWT_SECRET=a-string-secret-at-least-256-bits-long mcp-auth-ref settings > /dev/null
