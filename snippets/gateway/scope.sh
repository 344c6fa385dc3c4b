curl -i "$GATEWAY/tools/add_note/execute" \
  -H "Authorization: Bearer $READER" \
  -H 'Content-Type: application/json' \
  -d '{"arguments": {"text": "Buy milk."}}'
