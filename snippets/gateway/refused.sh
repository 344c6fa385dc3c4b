curl -i "$GATEWAY/tools"
