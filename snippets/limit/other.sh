LIST='{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
call "$TOKEN" "$LIST" | grep -iE '^(HTTP|RateLimit)'
