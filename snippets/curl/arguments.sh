curl -H @ada.txt "$GATEWAY/api/v1/mcp/tools/sleep/execute" \
  --json '{"arguments": {"seconds": 11}}'
