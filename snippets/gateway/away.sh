curl -X POST "$GATEWAY/servers/notes/disconnect" -H "Authorization: Bearer $ADMIN"
echo
curl "$GATEWAY/tools/list_notes/execute" \
  -H "Authorization: Bearer $READER" \
  -H 'Content-Type: application/json' \
  -d '{}'
