umask 077
cat > .env <<END
MCP_JWT_SECRET=$(mcp-auth-ref secret new)
MCP_API_KEYS_FILE=apikeys.json
MCP_API_KEY_HEADER=X-API-Key
END
