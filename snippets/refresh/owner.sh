refresh "$REFRESH"
