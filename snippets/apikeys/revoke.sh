ID=$(mcp-auth-ref apikey list | awk '{ print $1 }')
mcp-auth-ref apikey revoke "$ID" 2> /dev/null
until call "Authorization: Bearer $KEY" | grep -q token_revoked; do :; done
call "Authorization: Bearer $KEY" | jq '{status, code, detail}'
