curl -H @ada.txt -X POST "$GATEWAY/api/v1/mcp/servers/demo/disconnect"
