MCP_LEWAY=20 generate-mcp-token --user-id ada
