curl "$GATEWAY/.well-known/oauth-protected-resource" \
  | cmp - <(curl "$GATEWAY/.well-known/oauth-protected-resource/mcp") && echo the same document
