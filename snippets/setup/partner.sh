mkdir -p partner
(
  cd partner
  export MCP_ISSUER=https://login.partner.example MCP_JWT_ALGORITHM=ES256 MCP_KEYS_FILE=keys.json
  mcp-auth-ref keys new
  mcp-auth-ref keys jwks > ../partner-jwks.json
)
