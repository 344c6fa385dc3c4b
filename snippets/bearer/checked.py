import os

import httpx2

from mcp_auth_ref import ConfigurationError, McpAuth, TokenRefused

URL = "http://127.0.0.1:8765/api/v1/mcp/tools"
TOKEN = os.environ["MCP_TOKEN"]
WRITTEN = {
    "as it should be": TOKEN,
    "a variable": "${MCP_TOKEN}",
    "Bearer twice": f"Bearer {TOKEN}",
    "quotation marks": f'"{TOKEN}"',
    "a line break": f"{TOKEN}\n",
    "its end cut off": TOKEN[:-8],
}

for name, token in WRITTEN.items():
    try:
        # --8<-- [start:highlight]
        with httpx2.Client(auth=McpAuth(URL, token)) as http:
            # --8<-- [end:highlight]
            print(f"{name:17}{http.get(URL).status_code}  the token is accepted")
    except (ConfigurationError, TokenRefused) as error:
        print(f"{name:17}{error}")
