curl "$GATEWAY/tools/list_notes/execute" \
  -H "Authorization: Bearer $READER" \
  -H 'Content-Type: application/json' \
  -d '{"arguments": {}}'
