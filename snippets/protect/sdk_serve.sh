uvicorn sdk_server:app --port 8765
