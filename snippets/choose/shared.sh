mkdir -p issuer checker
(umask 077; mcp-auth-ref secret new | tee issuer/secret > checker/secret)
(cd checker
  export MCP_JWT_SECRET_FILE=secret
  generate-mcp-token --user-id mallory --role superadmin > ../minted)
(cd issuer; MCP_JWT_SECRET_FILE=secret validate-mcp-token --token-file ../minted)
