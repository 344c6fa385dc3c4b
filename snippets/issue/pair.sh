mcp-auth-ref keys new --algorithm ES256 --file keys.json
export MCP_JWT_ALGORITHM=ES256 MCP_KEYS_FILE=keys.json
TOKEN=$(generate-mcp-token --user-id ada)
