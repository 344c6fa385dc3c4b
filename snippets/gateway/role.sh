curl -X POST "$GATEWAY/servers/notes/connect" -H "Authorization: Bearer $READER"
