uvicorn fastmcp_server:app --port 8765
