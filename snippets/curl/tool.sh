curl -H @ada.txt "$GATEWAY/api/v1/mcp/tools/calculate"
