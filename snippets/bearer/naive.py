import os

import httpx2

TOKEN = os.environ["MCP_TOKEN"]
WRITTEN = {
    "as it should be": f"Bearer {TOKEN}",
    "a variable": "Bearer ${MCP_TOKEN}",
    "Bearer twice": f"Bearer Bearer {TOKEN}",
    "quotation marks": f'Bearer "{TOKEN}"',
    "a line break": f"Bearer {TOKEN}\n",
    "its end cut off": f"Bearer {TOKEN[:-8]}",
}

for name, value in WRITTEN.items():
    try:
        answer = httpx2.get("http://127.0.0.1:8765/api/v1/mcp/tools", headers={"Authorization": value})
        print(f"{name:17}{answer.status_code}  {answer.json().get('code', 'the token is accepted')}")
    except httpx2.LocalProtocolError as error:
        print(f"{name:17}{str(error).replace(TOKEN, 'THE WHOLE TOKEN')}")
