generate-mcp-token --user-id ada --username "Ada Lovelace" --role admin --json
