generate-mcp-token --user-id ada --claim sub=root
