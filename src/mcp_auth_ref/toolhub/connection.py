"""One MCP server: connected, watched, connected again when it is lost, and called."""

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from mcp import Client, MCPError
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp_types import (
    CONNECTION_CLOSED,
    HEADER_MISMATCH,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    TextContent,
    Tool,
    ToolListChangedNotification,
)
from pydantic import TypeAdapter, ValidationError

from mcp_auth_ref.core.errors import InvalidArguments, ServerDisconnected, ServerUnavailable
from mcp_auth_ref.toolhub.config import HttpServer, InProcessServer, ServerConfig, StdioServer
from mcp_auth_ref.toolhub.http import reached
from mcp_auth_ref.toolhub.messages import TOO_LARGE, UNREACHABLE
from mcp_auth_ref.toolhub.schemas import ArgumentCheck, Unusable
from mcp_auth_ref.toolhub.stdio import presentable, spawned
from mcp_auth_ref.toolhub.values import HubTool, ServerStatus, Status, Transport

if TYPE_CHECKING:
    from mcp.client import Transport as Streams
    from mcp.client.session import IncomingMessage
    from mcp.server.mcpserver import MCPServer

logger = logging.getLogger(__name__)

START_SECONDS = 30
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30
LEAVE_SECONDS = 5
STEADY_SECONDS = 10
PROBE_SECONDS = 30
REFRESH_PAUSE = 0.2
MAX_PAGES = 100
MAX_TOOLS = 10_000
MAX_LIST_BYTES = 16 * 1024 * 1024
MAX_NAME = 128

_ANSWER: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)
_NO_INPUT = CallToolResult(
    content=[TextContent(type="text", text="the tool asks its caller for more, and a gateway has nobody to ask")],
    is_error=True,
)
_ENDED = "its connection has ended"
_TRANSPORTS: Mapping[type[ServerConfig], Transport] = {
    StdioServer: "stdio",
    HttpServer: "http",
    InProcessServer: "in-process",
}
_LEVELS: Mapping[Transport, int] = {"stdio": logging.INFO, "http": logging.INFO, "in-process": logging.DEBUG}


class TooLarge(Exception):
    """The server's answer is larger than the transport reads."""


class _Broken(Exception):
    """What a server does that ends its connection, in words of our own."""


class Connection:
    """A named server. `run` keeps it connected until `disconnect`; everything else asks what it has achieved.

    `tools` holds what the server has last said it has, also while it is away. `listed` tells whether it ever has.
    `max_message_bytes` bounds one message, as it arrives.
    """

    def __init__(self, name: str, config: ServerConfig, *, max_message_bytes: int, start_seconds: float) -> None:
        self.name = name
        self.config = config
        self.tools: Mapping[str, HubTool] = {}
        self.listed = False
        self.wanted = False
        self._max_message_bytes = max_message_bytes
        self._start_seconds = start_seconds
        self._status: Status = "disconnected"
        self._problem: str | None = None
        self._client: Client | None = None
        self._checks: dict[str, tuple[HubTool, ArgumentCheck | Unusable]] = {}
        self._scope: anyio.CancelScope | None = None  # no event loop runs yet
        self._settled, self._ended, self._woken, self._hurried = (anyio.Event() for _ in range(4))
        self._ended.set()
        self._lost = False

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

    def prepare(self) -> None:
        """Be wanted, and count as connecting until `run` knows more."""
        self.wanted, self._scope = True, anyio.CancelScope()
        self._settled, self._ended = anyio.Event(), anyio.Event()
        self._turn("connecting")

    async def run(self) -> None:
        """Connect, and connect again with growing pauses, until `disconnect` or the end of the hub."""
        waits = pauses()
        try:
            with self._scope or anyio.CancelScope():
                while self.wanted:
                    if await self._stay_connected() > STEADY_SECONDS:
                        waits = pauses()
                    with anyio.move_on_after(next(waits)):
                        await self._hurried.wait()
        finally:
            self.wanted = False
            self._turn("disconnected")
            self._ended.set()

    async def settled(self) -> None:
        """Wait until it is connected, or has failed to."""
        await self._settled.wait()

    def hurry(self) -> None:
        """Try again at once where the last attempt has failed, and be settled only after that, or the one under way."""
        if self._status != "connected" and self._settled.is_set():
            self._settled = anyio.Event()
        if self._status == "failed":
            self._hurried.set()

    async def disconnect(self) -> None:
        """End `run`, and with it the server's process or session, where it has one."""
        self.wanted = False
        if self._client is not None:
            # Left in peace, a session is ended at the server as well (MCP 2025-11-25, session management).
            self._lose()
            self._hurried.set()
            with anyio.move_on_after(LEAVE_SECONDS):
                await self._ended.wait()
        if self._scope is not None:
            self._scope.cancel()
        await self._ended.wait()

    async def check(self, tool: HubTool, arguments: Mapping[str, object]) -> None:
        """Hold arguments against the tool's schema. Raises InvalidArguments, ServerUnavailable."""
        known = self._checks.get(tool.name)
        if known is None or known[0] is not tool:
            # A large schema takes a while, and nobody else should wait for it.
            known = (tool, await anyio.to_thread.run_sync(_check, tool.input_schema))
            self._checks[tool.name] = known
        try:
            if isinstance(known[1], Unusable):
                raise known[1]
            problems = known[1].problems(arguments)
        except Unusable as error:
            problem = f"the input schema of its tool {tool.name} cannot be used: {error}"
            raise ServerUnavailable(self.name, problem) from None
        if problems:
            raise InvalidArguments(problems)

    async def call(self, tool: str, arguments: Mapping[str, object]) -> CallToolResult:
        """Call a tool. Raises ServerUnavailable, ServerDisconnected, TooLarge; MCPError is the server's own answer."""
        client = self._connected()
        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
        try:
            return await self._asked(client, request)
        except MCPError as error:
            raise self._told(error) from None
        except ValidationError:
            raise ServerUnavailable(self.name, "its answer is not one that MCP knows") from None

    def doubt(self) -> None:
        """Look whether a server at an address is still there. Of the end of a process one is told."""
        if isinstance(self.config, HttpServer):
            self._wake()

    def _connected(self) -> Client:
        if not self.wanted:
            raise ServerDisconnected(self.name)
        if self._client is None:
            raise ServerUnavailable(self.name, self._problem or "it is starting")
        return self._client

    async def _asked(self, client: Client, request: CallToolRequest) -> CallToolResult:
        # Not `client.call_tool`: that runs the patterns of the server's output schema on the server's output.
        try:
            answer = await client.session.send_request(request, _ANSWER)
        except MCPError as error:
            if error.code != HEADER_MISMATCH:
                raise
            # What the headers of a call should be stands in the list (MCP 2026-07-28, transports, custom headers).
            self._listen_to(await self._listed(client))
            answer = await client.session.send_request(request, _ANSWER)
        return _NO_INPUT if isinstance(answer, InputRequiredResult) else answer

    def _told(self, error: MCPError) -> Exception:
        """Tell an answer of the server from what stands in its place."""
        if not self.wanted:
            return ServerDisconnected(self.name)
        if error.code == TOO_LARGE or error.message.startswith("SSE stream failed: "):
            return TooLarge()
        if error.code == UNREACHABLE:
            return ServerUnavailable(self.name, presentable(error.message, ()))
        if error.code == CONNECTION_CLOSED:
            self._wake()
            return ServerUnavailable(self.name, f"{_ENDED} during the call")
        return error

    async def _stay_connected(self) -> float:
        """Connect, and return when the connection is lost, with the seconds that it has held."""
        self._turn("connecting", self._problem)
        self._hurried, self._lost, problem = anyio.Event(), False, _ENDED
        began = math.inf
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._start_seconds) as start:
                async with Client(self._target(), cache=None, message_handler=self._hear) as client:
                    self._listen_to(await self._listed(client))
                    start.deadline, began = math.inf, anyio.current_time()
                    await self._serve(client)
            if start.cancelled_caught:
                problem = f"it has not started within {self._start_seconds:g} seconds"
        except Exception as error:  # noqa: BLE001 - whatever a server does, it ends its own connection only
            problem = _words(error)
        if self.wanted:
            logger.warning("the server %s has failed: %s", self.name, problem)
            self._turn("failed", problem)
        return anyio.current_time() - began

    def _target(self) -> "MCPServer | Streams":
        if isinstance(self.config, InProcessServer):
            return self.config.server
        if isinstance(self.config, HttpServer):
            return reached(self.config, max_body_bytes=self._max_message_bytes, doubted=self._wake)
        return spawned(self.name, self.config, max_line_bytes=self._max_message_bytes, lost=self._lose)

    async def _serve(self, client: Client) -> None:
        """Be there for calls, and keep the list of tools up to date, until the connection is lost."""
        self._client = client
        self._turn("connected")
        logger.log(
            _LEVELS[self.status.transport], "the server %s is connected, with %d tools", self.name, len(self.tools)
        )
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._subscribe, client)
                while not self._lost:
                    await self._awake()
                    if not self._lost:
                        await self._refresh(client)
                tasks.cancel_scope.cancel()
        finally:
            self._client = None
            self._turn("failed", _ENDED)

    async def _awake(self) -> None:
        """Wait for a reason to look at the server: it has said so, somebody doubts it, or nobody has for a while."""
        with anyio.move_on_after(PROBE_SECONDS if isinstance(self.config, HttpServer) else None):
            await self._woken.wait()
        self._woken = anyio.Event()

    async def _refresh(self, client: Client) -> None:
        """Ask for the tools again, which also shows whether a server at an address is still there."""
        try:
            with anyio.fail_after(self._start_seconds):
                self._listen_to(await self._listed(client))
        except (MCPError, ValidationError, TimeoutError) as error:
            # A process that lives may be busy; an address that does not answer is connected again from the start.
            if isinstance(self.config, HttpServer):
                raise
            logger.warning("the server %s has changed its tools and does not list them: %s", self.name, _words(error))
        await anyio.sleep(REFRESH_PAUSE)

    async def _subscribe(self, client: Client) -> None:
        """Ask to be told of changes, as is needed from 2026-07-28 on. Servers before that tell of themselves."""
        capabilities = client.server_capabilities.tools
        while capabilities is not None and capabilities.list_changed:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    with suppress(SubscriptionLost):
                        async for _ in changes:
                            self._wake()
                # Something may have changed while nobody listened, or the server is gone.
                self._wake()
            except ListenNotSupportedError:
                return
            except (MCPError, SubscriptionLost, TimeoutError):
                logger.debug("the server %s takes no subscription", self.name)
            await anyio.sleep(PROBE_SECONDS)

    async def _hear(self, message: "IncomingMessage") -> None:
        if isinstance(message, ToolListChangedNotification):
            self._wake()

    def _wake(self) -> None:
        self._woken.set()

    def _lose(self) -> None:
        self._lost = True
        self._woken.set()

    async def _listed(self, client: Client) -> list[Tool]:
        """Ask for the tools, page by page. Raises MCPError, _Broken where there is no end of them."""
        tools: list[Tool] = []
        size, cursor = 0, None
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            tools += page.tools
            size += sum(len(tool.model_dump_json()) for tool in page.tools)
            cursor = page.next_cursor
            if len(tools) > MAX_TOOLS or size > MAX_LIST_BYTES:
                break
            if cursor is None:
                return tools
        raise _Broken("there is no end to its list of tools")

    def _listen_to(self, tools: list[Tool]) -> None:
        """Take the tools over. The first of a name counts, and what has not changed stays the very same value."""
        found: dict[str, HubTool] = {}
        for tool in tools:
            if not 0 < len(tool.name) <= MAX_NAME or not tool.name.isprintable():
                logger.warning("the server %s has a tool whose name cannot be used", self.name)
            elif tool.name not in found:
                fresh = self._tool(tool)
                found[tool.name] = fresh if self.tools.get(tool.name) != fresh else self.tools[tool.name]
        if not self.listed or found.keys() != self.tools.keys():
            for name in set(self.config.ruled) - found.keys():
                logger.warning("the configuration has scopes for %s.%s, which is no tool", self.name, name)
        self.tools, self.listed = found, True
        self._checks = {name: known for name, known in self._checks.items() if known[0] is found.get(name)}

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
        goes_on = status == "connecting" or (status == "failed" and self._hurried.is_set())
        if not goes_on:
            self._settled.set()


def pauses() -> Iterator[float]:
    """Give the seconds between attempts to connect: twice as many each time, up to a bound."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _check(schema: Mapping[str, object]) -> ArgumentCheck | Unusable:
    try:
        return ArgumentCheck(schema)
    except Unusable as error:
        return error


def _words(error: BaseException) -> str:
    """Say what kind of failure it was, without the text of strangers."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        stands = {UNREACHABLE: presentable(error.message, ()), CONNECTION_CLOSED: _ENDED}
        return stands.get(error.code, f"it answers with the error {error.code}")
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return f"it cannot be started: {error.strerror}"
    known: Mapping[type[BaseException], str] = {
        _Broken: str(error),
        ValidationError: "its answer is not one that MCP knows",
        TimeoutError: "it does not answer in time",
    }
    return known.get(type(error), f"it cannot be reached ({type(error).__name__})")
