curl -i "$GATEWAY/introspect" -d client_id=mcp-auth-ref-cli \
  --data-urlencode token@refresh.txt
