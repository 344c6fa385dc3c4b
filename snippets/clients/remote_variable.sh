export AUTH_HEADER="Bearer $MCP_TOKEN"
# shellcheck disable=SC2016  # it is mcp-remote that fills in the variable
npx mcp-remote-client http://127.0.0.1:8765/mcp --transport http-only --device-code \
  --header 'Authorization:${AUTH_HEADER}' 2>&1 | grep -o 'Replacing.*\|Connected suc.*'
