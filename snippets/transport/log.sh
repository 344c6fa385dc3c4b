tail -n 1 access.log
grep -c "$TOKEN" access.log error.log
