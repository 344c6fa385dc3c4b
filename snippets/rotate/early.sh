OLDEST=$(mcp-auth-ref keys list | awk 'NR == 1 { print $1 }')
mcp-auth-ref keys retire "$OLDEST"
