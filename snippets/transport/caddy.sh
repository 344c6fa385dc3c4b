setsid caddy start --config Caddyfile --pidfile caddy.pid >caddy.log 2>&1
through -i -X POST https://mcp.example.com:8443/mcp
