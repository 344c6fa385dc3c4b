(cd issuer
  export MCP_JWT_ALGORITHM=ES256 MCP_KEYS_FILE=keys.json
  mcp-auth-ref keys new 2> /dev/null > kid
  mcp-auth-ref keys jwks > ../checker/issuer-jwks.json
  generate-mcp-token --user-id ada > ../genuine)
