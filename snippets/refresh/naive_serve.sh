uvicorn naive:app --port 8765
