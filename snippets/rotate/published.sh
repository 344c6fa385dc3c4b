until curl -s http://127.0.0.1:8765/.well-known/jwks.json | grep -qe "$NEXT"; do :; done
echo "$NEXT is published"
