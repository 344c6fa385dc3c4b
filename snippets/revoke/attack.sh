curl -s http://127.0.0.1:8765/logout -X POST -H "Authorization: Bearer $(cat stolen.txt)"
curl -s http://127.0.0.1:8765/notes -H "Authorization: Bearer $(cat stolen.txt)"
