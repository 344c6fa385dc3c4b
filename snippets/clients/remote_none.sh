: > headers.txt
node host.ts 2> bridge.log ||
  sed -n 's/^\[[0-9]*\] Fatal/Fatal/; /^Fatal/,/^]/p' bridge.log
