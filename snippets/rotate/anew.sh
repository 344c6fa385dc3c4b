call "$(generate-mcp-token --user-id ada)"
