cp apikeys.json stolen.json
jq -r '.api_keys[0].digest' stolen.json > digest.txt
call "Authorization: Bearer $(cat digest.txt)" | jq -c '{status, code}'
call "Authorization: Bearer mcpk_$(cat digest.txt)" | jq -c '{status, code}'
