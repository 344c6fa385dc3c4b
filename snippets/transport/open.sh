(cd "$(mktemp -d)" && MCP_JWT_SECRET=$(mcp-auth-ref secret new) mcp-auth-ref serve --host 0.0.0.0)
