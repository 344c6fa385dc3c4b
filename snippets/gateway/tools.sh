curl "$GATEWAY/tools?server_name=notes" -H "Authorization: Bearer $READER" |
  python -m json.tool | grep -E '"(name|server|description|notes:write)"'
