mcp-auth-ref audit verify --at-least 5
