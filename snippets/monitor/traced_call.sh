curl -so answer.json --json '{"arguments": {"text": "hello"}}' -H "Authorization: Bearer $TOKEN" \
  -H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' \
  http://127.0.0.1:8765/api/v1/mcp/tools/echo/execute
grep ^4bf92f35 spans.log
