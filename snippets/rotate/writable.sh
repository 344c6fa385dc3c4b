chmod 666 secrets.txt
mcp-auth-ref keys list
