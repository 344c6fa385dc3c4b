python with_token.py token python bridge.py < <(sleep 60) &
until grep -qz MCP_TOKEN "/proc/$!/environ"; do sleep 0.1; done
tr '\0' '\n' < "/proc/$!/cmdline"
stat --format '%A environ' "/proc/$!/environ"
kill $!
