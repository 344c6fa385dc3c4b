export MCP_CONFIG=mcp-auth-ref.toml
export MCP_JWT_EXPIRY_HOURS=0.25
mcp-auth-ref settings
