mcp-auth-ref apikey list | cut -c 11-
