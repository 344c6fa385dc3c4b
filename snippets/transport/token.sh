TOKEN=$(generate-mcp-token --user-id ada)
through https://mcp.example.com:8443/mcp -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" -H "Accept: application/json, text/event-stream" \
  -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
       "params": {"name": "echo", "arguments": {"text": "Through TLS."}}}'
