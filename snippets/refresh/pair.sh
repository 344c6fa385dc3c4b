{ read -r TOKEN; read -r REFRESH; } < <(mcp-auth-ref token issue --user-id ada --with-refresh)
STOLEN=$REFRESH
