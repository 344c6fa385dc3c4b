uvicorn traced:app --port 8765 > spans.log
