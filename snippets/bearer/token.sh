umask 077
echo "MCP_JWT_SECRET=$(mcp-auth-ref secret new)" > .env
generate-mcp-token --user-id ada > token
MCP_TOKEN=$(cat token)
export MCP_TOKEN
