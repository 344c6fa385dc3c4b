import asyncio
import json
from pathlib import Path

from fastmcp import Client
from mcp.shared.exceptions import MCPError

CONFIGURATION = json.loads(Path("variable.json").read_text(encoding="utf-8"))


async def main() -> None:
    try:
        async with Client(CONFIGURATION) as client:
            await client.list_tools()
    except MCPError as error:
        print(repr(error))


asyncio.run(main())
