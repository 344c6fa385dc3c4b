umask 077
echo "MCP_JWT_SECRET=$(mcp-auth-ref secret new)" > .env
