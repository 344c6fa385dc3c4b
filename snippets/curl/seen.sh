mkfifo body
look() {
  curl -o answer "$@" --data @body "$GATEWAY/health" &
  exec 3> body
  case $(tr '\0' ' ' < "/proc/$!/cmdline") in
    *"$MCP_TOKEN"*) echo "seen    $1" ;;
    *) echo "hidden  $1" ;;
  esac
  exec 3>&-
  wait
}
look -H "Authorization: Bearer $MCP_TOKEN"
look --oauth2-bearer "$MCP_TOKEN"
look -H@ada.txt
look --config ada.conf
look -H@<(printf 'Authorization: Bearer %s\n' "$MCP_TOKEN")
