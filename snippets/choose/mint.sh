generate-mcp-token --user-id mallory --role superadmin
