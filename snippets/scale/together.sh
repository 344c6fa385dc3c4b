export MCP_STORE_URL=redis://127.0.0.1:6390/0 MCP_STORE_STALE_SECS=2
redis-server --bind 127.0.0.1 --port 6390 --appendonly yes > redis.log &
echo $! > redis.pid
for port in 8771 8772; do mcp-auth-ref serve --port $port 2> $port.log & done
mcp-auth-ref serve
