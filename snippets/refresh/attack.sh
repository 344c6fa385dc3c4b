STOLEN=$(curl -s http://127.0.0.1:8765/sign-in -d ada)
for caller in owner thief owner thief; do
  echo "$caller: $(curl -s http://127.0.0.1:8765/token -d grant_type=refresh_token -d "refresh_token=$STOLEN")"
done
