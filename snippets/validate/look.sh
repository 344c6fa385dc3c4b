env -u MCP_JWT_SECRET validate-mcp-token --no-verify
