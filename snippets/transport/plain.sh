curl -s -o /dev/null -w '%{http_code}\n' -X POST http://127.0.0.1:8480/mcp -H "Authorization: Bearer $TOKEN"
curl -s -o /dev/null -w '%{http_code}\n' -X POST http://127.0.0.1:8765/mcp -H "Host: mcp.example.com:8443" \
  -H "X-Forwarded-For: 203.0.113.66" -H "X-Forwarded-Proto: http" -H "Authorization: Bearer $TOKEN"
