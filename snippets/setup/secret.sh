umask 077
mkdir -p secrets
mcp-auth-ref secret new > secrets/jwt
ls -l secrets | cut -c 1-10 | tail -1
