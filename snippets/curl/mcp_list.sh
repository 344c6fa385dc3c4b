mcp() {
  curl -H @ada.txt "$GATEWAY/mcp" -H 'MCP-Protocol-Version: 2025-11-25' \
    -H 'Accept: application/json, text/event-stream' --json "$1"
}
mcp '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}' | grep -o '"name":"[^"]*"'
