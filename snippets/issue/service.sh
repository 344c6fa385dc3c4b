(
  umask 077
  generate-mcp-token --user-id service:backup --client-id backup \
    --scope mcp:tools --expiry 24 > backup.token
)
