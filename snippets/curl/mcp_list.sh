mcp() { curl -H @ada.txt -H 'Accept: application/json, text/event-stream' "$GATEWAY/mcp" "$@"; }
mcp -H 'MCP-Protocol-Version: 2025-11-25' \
  --json '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}' | grep -o '"name":"[^"]*"'
