LEAKED=$(mcp-auth-ref token inspect --token "$FORGED" | awk '$1 == "kid" { print $2 }')
mcp-auth-ref keys retire "$LEAKED" --now
until [ "$(call "$FORGED")" = 401 ]; do :; done
cat answer.json
