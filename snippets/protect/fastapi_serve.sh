uvicorn fastapi_server:app --port 8765
