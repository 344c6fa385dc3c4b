ADMIN=$(generate-mcp-token --user-id ada --role admin)
READER=$(generate-mcp-token --user-id ben)
GATEWAY=http://127.0.0.1:8765/api/v1/mcp
