import asyncio

from fastmcp import Client

from mcp_auth_ref import McpAuth, TokenVariable

URL = "http://127.0.0.1:8765/mcp"


async def main() -> None:
    # --8<-- [start:highlight]
    async with Client(URL, auth=McpAuth(URL, TokenVariable("MCP_TOKEN"))) as client:
        # --8<-- [end:highlight]
        result = await client.call_tool("calculate", {"expression": "6 * 7"})
        print(result.structured_content)


asyncio.run(main())
