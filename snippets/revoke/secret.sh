umask 077
echo "MCP_JWT_SECRET=$(mcp-auth-ref secret new)" > .env
echo "MCP_RATE_LIMIT_ENABLED=false" >> .env
generate-mcp-token --user-id ada > stolen.txt
call() {
  curl -s -o answer.json -w '%{http_code}\n' http://127.0.0.1:8765/mcp \
    -H "Authorization: Bearer $1" \
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
    -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
}
