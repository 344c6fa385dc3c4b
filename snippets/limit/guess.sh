for guess in one two three four five; do
  call "$guess" "$LIST" | grep -iE '^(HTTP|Retry-After)'
done
