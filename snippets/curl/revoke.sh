curl -i "$GATEWAY/revoke" -d client_id=mcp-auth-ref-cli \
  --data-urlencode token@refresh.txt
