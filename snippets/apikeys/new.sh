KEY=$(mcp-auth-ref apikey new --user-id service:backup --scope mcp:tools)
