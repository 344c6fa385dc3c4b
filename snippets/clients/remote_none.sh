: > headers.txt
node host.ts 2> bridge.log || grep -o 'Fatal error.*' bridge.log
