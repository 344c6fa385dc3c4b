refresh "$STOLEN"
