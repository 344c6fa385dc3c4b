import os
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer

URL = "http://127.0.0.1:8765/mcp"


def server_for(token: str) -> MCPServer:
    """Return a stdio server that acts at the guarded server for the one whose token this is."""
    server = MCPServer("bridge", log_level="WARNING")

    @server.tool()
    async def calculate(expression: str) -> float:
        """Calculate, at the guarded server."""
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(URL, http_client=http)) as client,
        ):
            result = await client.call_tool("calculate", {"expression": expression})
            return float(result.structured_content["result"])

    return server


# --8<-- [start:highlight]
if __name__ == "__main__":
    token = os.environ.pop("MCP_TOKEN", None)  # no program that a tool starts inherits it
    if not token:
        sys.exit("MCP_TOKEN is not set: start this server with with_token.py")
    # --8<-- [end:highlight]
    server_for(token).run("stdio")
