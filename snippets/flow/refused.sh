ask() {
  curl -i http://127.0.0.1:8765/mcp \
    -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' \
    -H 'MCP-Protocol-Version: 2025-11-25' "$@"
}
ask -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
