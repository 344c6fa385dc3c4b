redis-server --bind 127.0.0.1 --port 6390 --appendonly yes > redis.log &
until [ "$(ask)" = '200 200 200 ' ]; do sleep 0.2; done
TOKEN=$ADA
ask
kill $!
