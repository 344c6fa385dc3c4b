FORGED=$(generate-mcp-token --user-id mallory --role superadmin)
call "$FORGED"
LEAKED=$(mcp-auth-ref keys list | awk '$3 == "signs" && $4 != "from" { print $1 }')
mcp-auth-ref secret retire "$LEAKED" --now > gone.kid
until [ "$(call "$FORGED")" = 401 ]; do :; done
cat answer.json
