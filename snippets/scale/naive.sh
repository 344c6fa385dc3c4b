curl -s http://127.0.0.1:8771/revoke -d client_id=mcp-auth-ref-cli -d "token=$TOKEN"
ask
