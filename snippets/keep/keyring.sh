dbus-run-session -- bash -euo pipefail 2> keyring.log << 'END'
gnome-keyring-daemon --unlock --components=secrets <<< "a password" > keyring.log

keyring set mcp ada < token
rm token
python from_keyring.py
END
