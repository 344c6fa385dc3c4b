generate-mcp-token --user-id ada --with-refresh > pair
