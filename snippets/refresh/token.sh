curl -s http://127.0.0.1:8765/mcp -H "Authorization: Bearer $TOKEN" -X POST
