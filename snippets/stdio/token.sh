(umask 077; generate-mcp-token --user-id ada > token)
stat --format "%A %n" token
