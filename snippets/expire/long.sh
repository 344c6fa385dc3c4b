generate-mcp-token --user-id ada --expiry 24
