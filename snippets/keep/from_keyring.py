import httpx2
import keyring

from mcp_auth_ref import McpAuth

URL = "http://127.0.0.1:8765/mcp"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def token() -> str:
    """Ask the keyring, each time that the client needs a token it has not."""
    return keyring.get_password("mcp", "ada") or ""


with httpx2.Client(auth=McpAuth(URL, token)) as client:
    answer = client.post(URL, json=LIST, headers={"accept": "application/json, text/event-stream"})
    print(answer.status_code, len(answer.json()["result"]["tools"]), "tools")
