for number in {1..22}; do
  through -o /dev/null -w '%{http_code}\n' -X POST https://mcp.example.com:8443/mcp \
    -H "X-Forwarded-For: 198.51.100.$number" -H "Forwarded: for=198.51.100.$number" -H "Authorization: Bearer guess"
done | uniq -c
