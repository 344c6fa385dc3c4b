METADATA=$GATEWAY/.well-known/oauth-protected-resource
cmp <(curl "$METADATA") <(curl "$METADATA/mcp") && echo the same document
