printf 'Authorization: Bearer %s\n' "$NARROW" > headers.txt
node host.ts 2> bridge.log
