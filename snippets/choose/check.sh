cp mcp-auth-ref.toml checker
cd checker
export MCP_CONFIG=mcp-auth-ref.toml
validate-mcp-token --token-file ../genuine
validate-mcp-token --token-file ../minted || echo "exit $?"
