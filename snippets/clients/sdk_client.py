import asyncio
import os

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

URL = "http://127.0.0.1:8765/mcp"


async def say_why(response: httpx2.Response) -> None:
    if response.status_code in (401, 403):
        challenge = response.headers["WWW-Authenticate"]
        raise PermissionError(f"{response.status_code} {challenge}")


HOOKS = {"response": [say_why]}


async def ask(token: str | None) -> str:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, event_hooks=HOOKS) as http,
        Client(streamable_http_client(URL, http_client=http)) as client,
    ):
        tools = (await client.list_tools()).tools
        result = await client.call_tool("calculate", {"expression": "6 * 7"})
        return f"{len(tools)} tools, {result.structured_content}"


def cause(error: BaseException) -> BaseException:
    return cause(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


for name in ("MCP_TOKEN", "NO_TOKEN", "NARROW"):
    try:
        print(f"{name:10}{asyncio.run(ask(os.environ.get(name)))}")
    except ExceptionGroup as group:
        print(f"{name:10}{cause(group)}")
