mcp-auth-ref keys new --file fresh.json
python load.py mv fresh.json keys.json
