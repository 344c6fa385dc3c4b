import asyncio

from mcp_auth_ref import MCPAuthClient, TokenVariable


async def main() -> None:
    async with MCPAuthClient("http://127.0.0.1:8765", TokenVariable("MCP_TOKEN")) as client:
        print(await client.health())
        for server in await client.list_servers():
            print(f"{server.name}: {server.status}, {server.tools} tools")

        tool = await client.get_tool("calculate")
        print(tool.name, tool.input_schema["properties"])

        result = await client.execute("calculate", {"expression": "6 * 7"})
        print(result.text, result.structured_content)

        failed = await client.execute("fail", timeout=5)
        print(failed.is_error, failed.text)


asyncio.run(main())
