printf 'Authorization: Bearer %s\n' "$MCP_TOKEN" > headers.txt
node host.ts 2> bridge.log
