curl "$GATEWAY/api/v1/openapi.json" | grep -o '"/api[^"]*"'
