sed 's/3.10 minutes/often/' mcp-auth-ref.toml > wrong.toml
MCP_CONFIG=wrong.toml mcp-auth-ref settings
