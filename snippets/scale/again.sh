until curl -fs http://127.0.0.1:8771/ready http://127.0.0.1:8772/ready > ready.json; do sleep 0.1; done
TOKEN=$(generate-mcp-token --user-id ada)
ask
curl -s http://127.0.0.1:8771/revoke -d client_id=mcp-auth-ref-cli -d "token=$TOKEN"
ask
