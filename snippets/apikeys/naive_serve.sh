uvicorn naive_server:app --port 8765
