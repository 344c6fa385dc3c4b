jq '.api_keys[0] | keys_unsorted' apikeys.json
