umask 077
echo "MCP_JWT_SECRET=$(mcp-auth-ref secret new)" > .env
MCP_TOKEN=$(generate-mcp-token --user-id ada)
NARROW=$(generate-mcp-token --user-id ada --scope mcp:tools:read)
ADMIN=$(generate-mcp-token --user-id eve --role admin)
export MCP_TOKEN NARROW ADMIN
