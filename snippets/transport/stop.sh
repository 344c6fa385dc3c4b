kill "$(cat nginx.pid)"
while [ -e nginx.pid ]; do sleep 0.1; done
