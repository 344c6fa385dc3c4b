curl -i "$GATEWAY/api/v1/mcp/tools"
