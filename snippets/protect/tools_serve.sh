uvicorn tools_server:app --port 8765
