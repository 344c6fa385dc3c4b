generate-mcp-token --user-id ada --claim team=compilers --json
