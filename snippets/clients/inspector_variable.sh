calculate variable.json
