refresh() {
  curl -s http://127.0.0.1:8765/token -d client_id=mcp-auth-ref-cli -d grant_type=refresh_token -d "refresh_token=$1"
}
refresh "$REFRESH" | tee answer.json
