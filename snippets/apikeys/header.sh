call "X-API-Key: $KEY" | jq .result.structuredContent
