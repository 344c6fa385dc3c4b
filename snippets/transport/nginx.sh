nginx -p "$PWD" -e error.log -c nginx.conf
