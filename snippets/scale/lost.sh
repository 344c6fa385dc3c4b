kill "$(cat redis.pid)"
until [ "$(ask)" = '503 503 503 ' ]; do sleep 0.2; done
curl -s http://127.0.0.1:8772/ready
