cat > narrow.json <<END
{"mcpServers": {"guide": {
  "type": "http",
  "url": "http://127.0.0.1:8765/mcp",
  "headers": {"Authorization": "Bearer $NARROW"}
}}}
END
calculate narrow.json
