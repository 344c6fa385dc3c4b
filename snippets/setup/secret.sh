umask 077
mkdir -p secrets
mcp-auth-ref secret new > secrets/jwt
stat -c %A secrets/jwt 2> /dev/null || stat -f %Sp secrets/jwt
