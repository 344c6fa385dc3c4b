npm ls mcp-remote --parseable --long | grep -o 'mcp-remote@.*'
