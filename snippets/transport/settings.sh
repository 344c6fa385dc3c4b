umask 077
cat > .env <<END
MCP_JWT_SECRET=$(mcp-auth-ref secret new)
MCP_RESOURCE_URL=https://mcp.example.com:8443/mcp
MCP_ISSUER=https://mcp.example.com:8443
MCP_TRUSTED_PROXIES=127.0.0.1
MCP_RATE_LIMIT_WINDOW_SECS=3600
END
