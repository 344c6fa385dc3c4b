status() {
  curl -s -o /dev/null -w '%{http_code}\n' "$@" \
    -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' \
    -H 'MCP-Protocol-Version: 2025-11-25' \
    -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
}

mcp=http://127.0.0.1:8765/mcp
bearer() { printf 'Authorization: Bearer %s' "$(generate-mcp-token --user-id ada "$@")"; }

printf 'no token                 '; status "$mcp"
printf 'a good token             '; status "$mcp" -H "Authorization: Bearer $TOKEN"
printf 'for another server       '; status "$mcp" -H "$(bearer --audience https://other.example/mcp)"
printf 'without the scope        '; status "$mcp" -H "$(bearer --scope mcp:servers:read)"
printf 'in the address           '; status "$mcp?access_token=$TOKEN"

SOMEBODY_ELSE=$(mcp-auth-ref secret new)
printf 'signed by somebody else  '; status "$mcp" -H "$(MCP_JWT_SECRET=$SOMEBODY_ELSE bearer)"
