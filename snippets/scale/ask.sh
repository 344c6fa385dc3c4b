until curl -fs http://127.0.0.1:8771/ready http://127.0.0.1:8772/ready > ready.json; do sleep 0.1; done
ask() {
  for port in 8765 8771 8772; do
    curl -s -o answer.json -w '%{http_code} ' http://127.0.0.1:$port/api/v1/mcp/tools -H "Authorization: Bearer $TOKEN"
  done
  echo
}
TOKEN=$(generate-mcp-token --user-id ada)
ask
