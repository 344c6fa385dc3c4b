chmod 644 secrets.txt
mcp-auth-ref keys list > /dev/null
