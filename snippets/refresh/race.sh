{ read -r _; read -r REFRESH; } < <(mcp-auth-ref token issue --user-id ada --with-refresh)
for number in 1 2 3 4 5; do
  refresh "$REFRESH" > "answer$number.json" &
done
wait
echo "$(grep -l access_token answer?.json | wc -l) access tokens"
echo "$(grep -l refresh_token answer?.json | wc -l) refresh token"
