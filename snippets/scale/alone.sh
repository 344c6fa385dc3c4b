export MCP_STORE_URL=memory:
for port in 8771 8772; do mcp-auth-ref serve --port $port 2> $port.log & done
mcp-auth-ref serve
