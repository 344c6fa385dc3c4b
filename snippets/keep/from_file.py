import httpx2

from mcp_auth_ref import McpAuth, TokenFile

URL = "http://127.0.0.1:8765/mcp"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}

with httpx2.Client(auth=McpAuth(URL, TokenFile("token"))) as client:
    answer = client.post(URL, json=LIST, headers={"accept": "application/json, text/event-stream"})
    print(answer.status_code, len(answer.json()["result"]["tools"]), "tools")
