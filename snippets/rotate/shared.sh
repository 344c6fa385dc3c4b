(umask 077 && mcp-auth-ref secret new > secrets.txt)
echo "MCP_JWT_SECRET_FILE=secrets.txt" > .env
mcp-auth-ref secret rotate > next.kid
mcp-auth-ref keys list
