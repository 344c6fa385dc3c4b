ask() {
  curl -so answer.json -w '%{http_code}\n' http://127.0.0.1:8765/mcp \
    -H "Authorization: Bearer $1" \
    -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' \
    -H 'MCP-Protocol-Version: 2025-11-25' \
    -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
         "params": {"name": "write_file",
                    "arguments": {"name": "note.txt", "content": "mine"}}}'
}
ask "$(generate-mcp-token --user-id ada --scope mcp:tools --scope files:write)"
ask "$(generate-mcp-token --user-id bob)"
ask "$(MCP_JWT_SECRET=$(mcp-auth-ref secret new) generate-mcp-token --user-id eve)"
