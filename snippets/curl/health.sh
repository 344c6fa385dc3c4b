curl "$GATEWAY/health" "$GATEWAY/ready" "$GATEWAY/api/v1/mcp/health" -w '\n'
