curl "$GATEWAY/.well-known/oauth-protected-resource/mcp"
