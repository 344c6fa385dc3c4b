"""A server of the official SDK for the tests: it speaks 2026-07-28 and the handshake of older revisions."""

import os

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import InputRequiredResult


def create_server() -> MCPServer:
    """Make the server. Its tool `learn` gives it one more tool, and tells who has subscribed."""
    server = MCPServer("modern")
    cancelled: list[str] = []

    def pid() -> str:
        """Say which process this is."""
        return str(os.getpid())

    async def sleep(seconds: float) -> str:
        """Take so many seconds."""
        try:
            await anyio.sleep(seconds)
        except anyio.get_cancelled_exc_class():
            cancelled.append(f"{seconds:g}")
            raise
        return "slept"

    def gone() -> str:
        """Say which calls of `sleep` were cancelled."""
        return " ".join(cancelled)

    def large(size: int) -> str:
        """Give so many bytes."""
        return "x" * size

    async def learn(name: str, context: Context) -> str:
        """Have one more tool."""
        server.add_tool(pid, name=name)
        await context.notify_tools_changed()
        return "learnt"

    def ask() -> str | InputRequiredResult:
        """Ask the caller for more."""
        return InputRequiredResult(request_state="so far")

    for tool in (pid, sleep, gone, large, learn, ask):
        server.add_tool(tool, structured_output=False)
    return server


if __name__ == "__main__":
    create_server().run("stdio")
