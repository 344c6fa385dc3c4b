MCP_TOKEN=$(python sign.py) mcp-auth-ref token inspect
