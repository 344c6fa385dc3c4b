through -o /dev/null -w '%{http_code}\n' -X POST https://mcp.example.com:8443/mcp \
  -H "X-Forwarded-For: 198.51.100.9" -H "Authorization: Bearer guess"
kill "$(cat caddy.pid)"
