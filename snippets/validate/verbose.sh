validate-mcp-token --verbose
