umask 077
mcp-auth-ref secret new > robot-secret
cat > .env <<END
MCP_JWT_SECRET=$(mcp-auth-ref secret new)
MCP_CONFIG=mcp-auth-ref.toml
MCP_RATE_LIMIT_ENABLED=false
END
