TOKEN=$(generate-mcp-token --user-id ada)
call() {
  curl -si http://127.0.0.1:8765/mcp -H "Authorization: Bearer $1" -H "Content-Type: application/json" \
    -H "Accept: application/json, text/event-stream" -d "$2"
}
ECHO='{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
       "params": {"name": "echo", "arguments": {"text": "again"}}}'
call "$TOKEN" "$ECHO" | grep -iE '^(HTTP|RateLimit)'
