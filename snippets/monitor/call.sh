TOKEN=$(generate-mcp-token --user-id ada)
for number in 1 2 3; do
  curl -s --json "{\"arguments\": {\"text\": \"$number\"}}" -H "Authorization: Bearer $TOKEN" \
    http://127.0.0.1:8765/api/v1/mcp/tools/echo/execute
  echo
done > answers.txt
