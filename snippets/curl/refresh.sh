mapfile -t PAIR < <(generate-mcp-token --user-id ada --with-refresh)
printf %s "${PAIR[1]}" > refresh.txt
curl "$GATEWAY/token" -d grant_type=refresh_token -d client_id=mcp-auth-ref-cli \
  --data-urlencode refresh_token@refresh.txt
