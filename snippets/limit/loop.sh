for _ in 2 3 4; do
  call "$TOKEN" "$ECHO" | grep -iE '^(HTTP|Retry-After|RateLimit:)'
done
