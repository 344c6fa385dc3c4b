import asyncio
import os

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


async def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['MCP_TOKEN']}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client("http://127.0.0.1:8765/mcp", http_client=http)) as client,
    ):
        answer = await client.call_tool("greet")
        print(answer.structured_content)


asyncio.run(main())
