export MCP_STORE_URL=redis://127.0.0.1:6390/0
mcp-auth-ref token revoke --subject ada
ADA=$TOKEN
TOKEN=$(generate-mcp-token --user-id bob)
ask
