mcp-auth-ref token revoke --token-file stolen.txt
