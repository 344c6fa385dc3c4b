cat >> .env <<'END'
MCP_JWT_EXPIRY_HOURS=0.25
MCP_MAX_TOKEN_AGE=3600
END
generate-mcp-token --user-id ada > ada.token
validate-mcp-token --token-file ada.token
