grep -c "$TOKEN" access.log caddy.log
