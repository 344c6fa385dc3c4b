import asyncio
import os

from fastmcp import Client
from mcp.shared.exceptions import MCPError

URL = "http://127.0.0.1:8765/mcp"


async def ask(token: str | None) -> str:
    try:
        async with Client(URL, auth=token) as client:
            tools = await client.list_tools()
            result = await client.call_tool("calculate", {"expression": "6 * 7"})
    except MCPError as error:
        return repr(error)
    return f"{len(tools)} tools, {result.structured_content}"


for name in ("MCP_TOKEN", "NO_TOKEN", "NARROW"):
    print(f"{name:10}{asyncio.run(ask(os.environ.get(name)))}")
