umask 077
cat > .env <<END
MCP_JWT_SECRET=$(mcp-auth-ref secret new)
MCP_ALLOWED_HOSTS=127.0.0.1:8765,127.0.0.1:8771,127.0.0.1:8772
END
