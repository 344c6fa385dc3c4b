"""One MCP server: connected, watched, connected again when it is lost, and called."""

import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio
from mcp import Client, MCPError
from mcp_types import CallToolRequest, CallToolRequestParams, CallToolResult, Tool
from pydantic import ValidationError

from mcp_auth_ref.core.errors import ServerDisconnected, ServerUnavailable
from mcp_auth_ref.toolhub.config import HttpServer, InProcessServer, ServerConfig, StdioServer
from mcp_auth_ref.toolhub.values import HubTool, ServerStatus, Status, Transport

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

logger = logging.getLogger(__name__)

START_SECONDS = 30
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30
STEADY_SECONDS = 10
MAX_PAGES = 100

_TRANSPORTS: Mapping[type[ServerConfig], Transport] = {
    StdioServer: "stdio",
    HttpServer: "http",
    InProcessServer: "in-process",
}


class Connection:
    """A named server. `run` keeps it connected until it is cancelled; everything else asks what it has achieved."""

    def __init__(self, name: str, config: ServerConfig, *, start_seconds: float = START_SECONDS) -> None:
        self.name = name
        self.config = config
        self.tools: Mapping[str, HubTool] = {}
        self.wanted = False
        self._start_seconds = start_seconds
        self._status: Status = "disconnected"
        self._problem: str | None = None
        self._client: Client | None = None
        self._lost = anyio.Event()
        self._settled = anyio.Event()
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    @property
    def status(self) -> ServerStatus:
        """How it is at this moment."""
        return ServerStatus(
            name=self.name,
            status=self._status,
            transport=_TRANSPORTS[type(self.config)],
            tools=len(self.tools),
            problem=self._problem,
        )

    async def run(self) -> None:
        """Connect, and connect again with growing pauses, until `disconnect` or the end of the hub."""
        pause = FIRST_PAUSE
        try:
            with self._scope:
                while True:
                    began = anyio.current_time()
                    await self._stay_connected()
                    pause = FIRST_PAUSE if anyio.current_time() - began > STEADY_SECONDS else pause
                    await anyio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            self.wanted = False
            self._turn("disconnected")
            self._ended.set()

    async def settled(self) -> None:
        """Wait until it is connected, or has failed to."""
        await self._settled.wait()

    def prepare(self) -> None:
        """Be wanted, and count as connecting until `run` knows more."""
        self.wanted, self._scope = True, anyio.CancelScope()
        self._settled, self._ended = anyio.Event(), anyio.Event()
        self._turn("connecting")

    async def disconnect(self) -> None:
        """End `run`, and with it the server's process, where it has one."""
        if self.wanted:
            self._scope.cancel()
            await self._ended.wait()

    async def call(self, tool: str, arguments: Mapping[str, object]) -> CallToolResult:
        """Call a tool. Raises MCPError, ServerUnavailable, ServerDisconnected."""
        client = self._connected()
        params = CallToolRequestParams(name=tool, arguments=dict(arguments))
        try:
            # Not `client.call_tool`: that would run the patterns of the server's output schema on the server's output.
            return await client.session.send_request(CallToolRequest(params=params), CallToolResult)
        except ValidationError:
            raise ServerUnavailable(self.name, "its answer is not one that MCP knows") from None

    def _connected(self) -> Client:
        if self._status == "disconnected":
            raise ServerDisconnected(self.name)
        if self._client is None:
            raise ServerUnavailable(self.name, self._problem or "it is starting")
        return self._client

    async def _stay_connected(self) -> None:
        """Connect, and return when the connection is lost."""
        self._turn("connecting", self._problem)
        problem = "its connection was lost"
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._start_seconds) as start:
                async with Client(self._target(), cache=None) as client:
                    self.tools = await self._listed(client)
                    start.deadline = math.inf
                    await self._serve(client)
            if start.cancelled_caught:
                problem = f"it has not started within {self._start_seconds:g} seconds"
        except Exception as error:  # noqa: BLE001 - whatever a server does, it ends its own connection only
            problem = _words(error)
        logger.warning("the server %s has failed: %s", self.name, problem)
        self._turn("failed", problem)

    async def _serve(self, client: Client) -> None:
        self._client, self._lost = client, anyio.Event()
        self._turn("connected")
        logger.info("the server %s is connected, with %d tools", self.name, len(self.tools))
        try:
            await self._lost.wait()
        finally:
            self._client = None

    def _target(self) -> "MCPServer":
        if isinstance(self.config, InProcessServer):
            return self.config.server
        raise NotImplementedError

    async def _listed(self, client: Client) -> Mapping[str, HubTool]:
        """Ask for the tools, page by page."""
        tools: dict[str, HubTool] = {}
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            tools |= {tool.name: self._tool(tool) for tool in page.tools}
            cursor = page.next_cursor
            if cursor is None:
                break
        return tools

    def _tool(self, tool: Tool) -> HubTool:
        annotations = tool.annotations
        return HubTool(
            name=tool.name,
            server=self.name,
            title=tool.title,
            description=tool.description,
            input_schema=tool.input_schema,
            output_schema=tool.output_schema,
            annotations=annotations.model_dump(mode="json", by_alias=True, exclude_none=True) if annotations else None,
            scopes=self.config.scopes_of(tool.name),
        )

    def _turn(self, status: Status, problem: str | None = None) -> None:
        self._status, self._problem = status, problem
        if status != "connecting":
            self._settled.set()


def _words(error: BaseException) -> str:
    """Say what kind of failure it was, without the text of strangers."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        return f"it refuses the connection with the error {error.code}"
    return f"it cannot be reached ({type(error).__name__})"
