import asyncio

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_auth_ref import InsufficientScope, McpAuth, TokenVariable

URL = "http://127.0.0.1:8765/mcp"


async def main() -> None:
    async with (
        # --8<-- [start:highlight]
        httpx2.AsyncClient(auth=McpAuth(URL, TokenVariable("MCP_TOKEN"))) as http,
        # --8<-- [end:highlight]
        Client(streamable_http_client(URL, http_client=http)) as client,
    ):
        result = await client.call_tool("calculate", {"expression": "6 * 7"})
        print(result.structured_content)
        await client.call_tool("write_file", {"name": "a.txt", "content": "a"})


try:
    asyncio.run(main())
except* InsufficientScope as group:
    for error in group.exceptions:
        print(error)
