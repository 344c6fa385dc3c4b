import asyncio
import json
from pathlib import Path

from fastmcp import Client

config = json.loads(Path("mcp.json").read_text(encoding="utf-8"))


async def main() -> None:
    async with Client(config) as client:
        result = await client.call_tool("calculate", {"expression": "6 * 7"})
        print(result.structured_content)


asyncio.run(main())
