validate-mcp-token --json
