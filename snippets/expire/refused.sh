for token in year.token endless.token; do
  curl -s http://127.0.0.1:8765/mcp -X POST -H "Authorization: Bearer $(cat "$token")" |
    jq '{status, code}'
done
