curl "$GATEWAY/tools/notes.add_note/execute" \
  -H "Authorization: Bearer $WRITER" \
  -H 'Content-Type: application/json' \
  -d '{"arguments": {"note": "Buy milk."}}'
