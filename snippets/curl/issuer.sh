curl "$GATEWAY/.well-known/oauth-authorization-server"
