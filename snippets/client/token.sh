umask 077
echo "MCP_JWT_SECRET=$(mcp-auth-ref secret new)" > .env
export MCP_TOKEN
MCP_TOKEN=$(generate-mcp-token --user-id ada --scope mcp:servers:read --scope mcp:tools)
