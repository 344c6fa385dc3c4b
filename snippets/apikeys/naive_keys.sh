openssl rand -hex 16 > keys.txt
