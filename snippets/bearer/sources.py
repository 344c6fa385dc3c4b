from pathlib import Path

import httpx2

from mcp_auth_ref import ConfigurationError, McpAuth, TokenFile, TokenVariable

URL = "http://127.0.0.1:8765/api/v1/mcp/tools"

for source in (TokenVariable("MCP_TOKEN"), TokenFile("token")):
    with httpx2.Client(auth=McpAuth(URL, source)) as http:
        print(source, http.get(URL).status_code)

Path("token").chmod(0o644)
try:
    TokenFile("token")
except ConfigurationError as error:
    print(error)
Path("token").chmod(0o600)
