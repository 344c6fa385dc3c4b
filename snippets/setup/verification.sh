status() {
  curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8765/mcp \
    -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' \
    -H 'MCP-Protocol-Version: 2025-11-25' \
    -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}' "$@"
}

printf 'no token                 '; status
printf 'a good token             '; status -H "Authorization: Bearer $TOKEN"
printf 'for another server       '; status -H "Authorization: Bearer $(generate-mcp-token --user-id ada --audience https://other.example/mcp)"
printf 'signed by somebody else  '; status -H "Authorization: Bearer $(MCP_JWT_SECRET_FILE= MCP_JWT_SECRET=$(mcp-auth-ref secret new) generate-mcp-token --user-id ada)"
printf 'in the address           '; status --url-query "access_token=$TOKEN"
printf 'without any scope        '; status -H "Authorization: Bearer $(generate-mcp-token --user-id ada --scope nothing:here)"
