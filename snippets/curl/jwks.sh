curl -i "$GATEWAY/.well-known/jwks.json"
