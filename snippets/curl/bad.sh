curl -i -H 'Authorization: Bearer eyJhbGciOiJub25lIn0.e30.' "$GATEWAY/api/v1/mcp/tools"
