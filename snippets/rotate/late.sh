mcp-auth-ref keys rotate --after 0
call "$FORGED"
