call "$(generate-mcp-token --user-id bob)"
