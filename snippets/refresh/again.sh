part() {
  python -c 'import json, sys; print(json.load(open("answer.json"))[sys.argv[1]])' "$1"
}
refresh "$(part refresh_token)" > next.json
mv next.json answer.json
TOKEN=$(part access_token)
REFRESH=$(part refresh_token)
