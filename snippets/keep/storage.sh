visit storage
