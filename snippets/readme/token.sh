MCP_JWT_SECRET=$(mcp-auth-ref secret new)
export MCP_JWT_SECRET
MCP_TOKEN=$(generate-mcp-token --user-id ada)
export MCP_TOKEN
validate-mcp-token
