MCP_ALLOWED_ORIGINS=http://127.0.0.1:8000 mcp-auth-ref serve
