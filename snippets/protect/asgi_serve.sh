uvicorn asgi_server:app --port 8765
