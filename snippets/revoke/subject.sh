LAPTOP=$(generate-mcp-token --user-id ada)
AGENT=$(generate-mcp-token --user-id ada)
mcp-auth-ref token revoke --subject ada
until [ "$(call "$LAPTOP")" = 401 ]; do :; done
call "$AGENT"
