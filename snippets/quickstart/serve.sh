. .venv/bin/activate
mcp-auth-ref serve
