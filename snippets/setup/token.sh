TOKEN=$(generate-mcp-token --user-id ada)
validate-mcp-token --verbose --token "$TOKEN"
