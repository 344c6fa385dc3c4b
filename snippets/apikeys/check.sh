MCP_TOKEN="$KEY" validate-mcp-token
