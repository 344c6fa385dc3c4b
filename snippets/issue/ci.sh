MCP_TOKEN=$(generate-mcp-token --user-id ci:build --client-id ci \
  --scope mcp:tools:read --expiry 0.25)
export MCP_TOKEN
