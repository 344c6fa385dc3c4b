export BROWSER
BROWSER=$(command -v chromium || command -v google-chrome)

visit() {
  uvicorn backend:app --port 8000 --log-level warning &
  until curl -so /dev/null http://127.0.0.1:8000/; do sleep 0.1; done
  python visit.py "$1"
  kill $!
}
