generate-mcp-token --user-id prometheus --scope mcp:metrics:read --expiry 24 > prometheus-token
