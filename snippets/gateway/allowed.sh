WRITER=$(generate-mcp-token --user-id ben --scope mcp:tools --scope notes:write)
curl "$GATEWAY/tools/add_note/execute" \
  -H "Authorization: Bearer $WRITER" \
  -H 'Content-Type: application/json' \
  -d '{"arguments": {"text": "Buy milk."}}'
