TOKEN=$(generate-mcp-token --user-id ada)
call "$TOKEN"
curl -s -w '%{http_code}\n' http://127.0.0.1:8765/revoke -d client_id=mcp-auth-ref-cli -d "token=$TOKEN"
call "$TOKEN"
