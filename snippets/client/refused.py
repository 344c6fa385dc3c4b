import asyncio
from typing import Any

from mcp_auth_ref import AuthError, InsufficientScope, MCPAuthClient, TokenVariable

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("write_file", {"name": "a.txt", "content": "a"}),
    ("subtract", {"expression": "6 * 7"}),
    ("calculate", {"expression": 42}),
    ("sleep", {"seconds": 8}),
]


async def main() -> None:
    async with MCPAuthClient("http://127.0.0.1:8765", TokenVariable("MCP_TOKEN")) as client:
        for tool, arguments in CALLS:
            try:
                await client.execute(tool, arguments, timeout=0.5)
            except InsufficientScope as error:
                print("ask for a token with", *error.required)
            except AuthError as error:
                print(f"{error.code}: {error}")


asyncio.run(main())
