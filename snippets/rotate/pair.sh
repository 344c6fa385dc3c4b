mcp-auth-ref keys new --file keys.json
cat > .env <<'END'
MCP_JWT_ALGORITHM=ES256
MCP_KEYS_FILE=keys.json
MCP_RATE_LIMIT_ENABLED=false
END
MCP_TOKEN=$(generate-mcp-token --user-id ada)
export MCP_TOKEN
