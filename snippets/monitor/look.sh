curl -s -H @- http://127.0.0.1:8765/metrics <<< "Authorization: Bearer $(cat prometheus-token)" |
  grep '^mcp_auth_events_total.* [1-9]'
