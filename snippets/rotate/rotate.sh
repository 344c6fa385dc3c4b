python load.py mcp-auth-ref keys rotate --after 5
