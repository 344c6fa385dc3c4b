umask 077
printf 'Authorization: Bearer %s\n' "$MCP_TOKEN" > ada.txt
printf 'Authorization: Bearer %s\n' "$NARROW" > narrow.txt
printf 'Authorization: Bearer %s\n' "$ADMIN" > admin.txt
printf 'oauth2-bearer = "%s"\n' "$MCP_TOKEN" > ada.conf
GATEWAY=http://127.0.0.1:8765
