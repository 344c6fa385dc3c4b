echo 'MCP_CONFIG=mcp-auth-ref.toml' >> .env
mkdir -p files
mcp-auth-ref settings
