robot() {
  printf 'user = "build-robot:%s"\n' "$(cat robot-secret)" | curl -s -K - http://127.0.0.1:8765/token "$@"
  echo
}
robot -d grant_type=client_credentials
