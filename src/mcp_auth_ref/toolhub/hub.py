"""The hub: many MCP servers behind one face, each tool under a name that leads to one server only."""

import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
from mcp import MCPError
from mcp_types import CallToolResult, TextContent

from mcp_auth_ref.core.errors import (
    AuthError,
    ResultTooLarge,
    ServerDisconnected,
    ServerUnavailable,
    ToolTimeout,
    UnknownServer,
    UnknownTool,
)
from mcp_auth_ref.events import CANCELLED, TOOL_ERROR, Event, Listener, nobody
from mcp_auth_ref.toolhub.config import InProcessServer, ServerConfig
from mcp_auth_ref.toolhub.connection import START_SECONDS, Connection, TooLarge
from mcp_auth_ref.toolhub.values import Caller, HubResult, HubTool, ServerStatus

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

_UNNAMED = Caller()
_LONGEST_NAME = 128


class ToolHub:
    """The servers of the configuration and their tools.

    Use it as an async context manager: it starts every server without waiting for it, and leaves no process behind.

    A tool is called as `server.tool`, and by its plain name while one server alone has it. A server that fails keeps
    its names: no other server's tool takes their place while it is away.

    `timeout` is the longest a call may take, in seconds; `max_result_bytes` bounds a result as JSON in UTF-8.
    """

    def __init__(
        self,
        servers: Mapping[str, ServerConfig],
        *,
        timeout: float = 30,
        max_result_bytes: int = 4 * 1024 * 1024,
        start_seconds: float = START_SECONDS,
        tell: Listener = nobody,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # A message is a result and what is around it, with at most twice as many bytes where it is written in ASCII.
        message = 2 * max_result_bytes + 64 * 1024
        self._connections = {
            name: Connection(name, config, max_message_bytes=message, start_seconds=start_seconds)
            for name, config in servers.items()
        }
        self._timeout = timeout
        self._max_result_bytes = max_result_bytes
        self._tell = tell
        self._clock = clock
        self._stack = AsyncExitStack()
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        """Start the servers. Those in this process are connected on return, the others are being connected."""
        self._tasks = await self._stack.enter_async_context(anyio.create_task_group())
        for connection in self._connections.values():
            self._start(connection)
        for connection in self._connections.values():
            if isinstance(connection.config, InProcessServer):
                await connection.settled()
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Disconnect the servers, all at once, and end their processes."""
        async with anyio.create_task_group() as leaving:
            for connection in self._connections.values():
                leaving.start_soon(connection.disconnect)
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()
        await self._stack.aclose()

    def servers(self) -> list[ServerStatus]:
        """Give every server of the configuration, in its order."""
        return [connection.status for connection in self._connections.values()]

    async def connect(self, name: str) -> ServerStatus:
        """Connect a server, and wait until it is connected. What is connected stays so.

        Raises UnknownServer, ServerUnavailable.
        """
        connection = self._connection(name)
        if not connection.wanted:
            await connection.disconnect()
        if not connection.wanted:
            self._start(connection)
        connection.hurry()
        await connection.settled()
        status = connection.status
        if status.status != "connected":
            raise self._away(connection)
        return status

    async def disconnect(self, name: str) -> ServerStatus:
        """Disconnect a server until `connect`. Its running calls fail; its names lead to no other server.

        Raises UnknownServer.
        """
        connection = self._connection(name)
        await connection.disconnect()
        return connection.status

    async def tools(self, server_name: str | None = None) -> list[HubTool]:
        """Give the tools of every server that is not disconnected, or of one. Raises UnknownServer."""
        asked = self._connections.values() if server_name is None else [self._connection(server_name)]
        return [tool for connection in asked if connection.wanted for tool in connection.tools.values()]

    async def tool(self, name: str) -> HubTool:
        """Give the tool of a plain or full name. Raises UnknownTool, ServerUnavailable, ServerDisconnected."""
        return self.find(name)

    def find(self, name: str) -> HubTool:
        """Give the tool of a plain or full name as it is known at this moment. Raises UnknownTool."""
        return self._found(name)[1]

    async def execute(
        self,
        name: str,
        arguments: Mapping[str, object],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - its end is an error of our own, and cancels the request
        caller: Caller = _UNNAMED,
    ) -> HubResult:
        """Call a tool, and tell one `execute` event. `timeout` is seconds, and never more than the hub's own.

        Whether the caller may is decided before: the scopes are those of `tool(name)`. A caller that is cancelled
        cancels the request at the server. Raises UnknownTool, InvalidArguments, ServerUnavailable, ServerDisconnected,
        ToolTimeout, ResultTooLarge.
        """
        began = anyio.current_time()
        server: str | None = None
        plain = name[:_LONGEST_NAME]
        code: str | None = CANCELLED
        try:
            connection, tool = self._found(name)
            server, plain = tool.server, tool.name
            seconds = timeout if timeout is not None and 0 < timeout < self._timeout else self._timeout
            result = await self._answer(connection, tool, arguments, seconds)
            code = TOOL_ERROR if result.is_error else None
        except AuthError as error:
            code = error.code
            raise
        finally:
            duration = anyio.current_time() - began
            self._tell(
                Event(
                    kind="execute",
                    at=self._clock(),
                    code=code,
                    subject=caller.subject,
                    client_id=caller.client_id,
                    token_id=caller.token_id,
                    request_id=caller.request_id,
                    address=caller.address,
                    server=server,
                    tool=plain,
                    duration=duration,
                )
            )
        return self._result(tool, result, duration)

    async def _answer(
        self, connection: Connection, tool: HubTool, arguments: Mapping[str, object], seconds: float
    ) -> CallToolResult:
        try:
            with anyio.fail_after(seconds):
                await connection.check(tool, arguments)
                result = await connection.call(tool.name, arguments)
        except TimeoutError:
            connection.doubt()
            raise ToolTimeout(tool.full_name, seconds) from None
        except TooLarge:
            raise ResultTooLarge(tool.full_name, self._max_result_bytes) from None
        except MCPError as error:
            # The server has answered, and says no: that is for the caller to read, as any failure of a tool.
            result = CallToolResult(content=[TextContent(type="text", text=error.message)], is_error=True)
        if len(result.model_dump_json(by_alias=True).encode()) > self._max_result_bytes:
            raise ResultTooLarge(tool.full_name, self._max_result_bytes)
        return result

    def _result(self, tool: HubTool, result: CallToolResult, duration: float) -> HubResult:
        return HubResult(
            tool=tool.name,
            server=tool.server,
            is_error=result.is_error,
            content=[block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content],
            structured_content=result.structured_content,
            duration=duration,
        )

    @staticmethod
    def _away(connection: Connection) -> AuthError:
        if not connection.wanted:
            return ServerDisconnected(connection.name)
        return ServerUnavailable(connection.name, connection.status.problem or "it is starting")

    def _start(self, connection: Connection) -> None:
        if self._tasks is None:
            raise RuntimeError("the hub has not been entered")
        connection.prepare()
        self._tasks.start_soon(connection.run)

    def _connection(self, name: str) -> Connection:
        if name not in self._connections:
            raise UnknownServer(self._connections)
        return self._connections[name]

    def _found(self, name: str) -> tuple[Connection, HubTool]:
        """Find the one tool of a name. What begins with the name of a server and a dot is a full name, always."""
        server, dot, plain = name.partition(".")
        if dot and server in self._connections:
            candidates = [self._connections[server]]
            if not candidates[0].listed:
                raise self._away(candidates[0])
        else:
            candidates, plain = list(self._connections.values()), name
        found = [(connection, connection.tools[plain]) for connection in candidates if plain in connection.tools]
        if len(found) != 1:
            raise UnknownTool(tool.full_name for _, tool in found)
        return found[0]
