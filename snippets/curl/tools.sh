curl -H @ada.txt "$GATEWAY/api/v1/mcp/tools?server_name=demo" | grep -o '"name":"[^"]*"'
