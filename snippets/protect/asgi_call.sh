curl -s http://127.0.0.1:8765/greeting -H "Authorization: Bearer $MCP_TOKEN"
