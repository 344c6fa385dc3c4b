call() {
  curl -s http://127.0.0.1:8765/mcp -H "$1" \
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
    -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
         "params": {"name": "calculate", "arguments": {"expression": "6 * 7"}}}'
}
call "Authorization: Bearer $KEY" | jq .result.structuredContent
