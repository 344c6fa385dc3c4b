call "$TOKEN" "$LIST" | grep HTTP
curl -si -X POST http://127.0.0.1:8765/mcp | grep HTTP
