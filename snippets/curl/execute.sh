curl -H @ada.txt "$GATEWAY/api/v1/mcp/tools/calculate/execute" \
  --json '{"arguments": {"expression": "6 * 7"}}'
