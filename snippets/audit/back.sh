cp spare/* sealed
generate-mcp-token --user-id dan > dan.token
cp spare/* sealed
mcp-auth-ref audit verify
