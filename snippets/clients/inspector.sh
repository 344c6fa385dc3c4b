cat > inspector.json <<END
{"mcpServers": {"guide": {
  "type": "http",
  "url": "http://127.0.0.1:8765/mcp",
  "headers": {"Authorization": "Bearer $MCP_TOKEN"}
}}}
END
calculate() {
  npx mcp-inspector --cli --config "$1" --server guide --quiet --stored-auth-only \
    --format json --method tools/call --tool-name calculate \
    --tool-arg 'expression=6 * 7'
}
calculate inspector.json
