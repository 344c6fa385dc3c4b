"""The calls that a gateway takes, as values: what is sent, how the answer is read, and whether it may be sent twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Generic, TypeVar
from urllib.parse import quote

T = TypeVar("T")

PREFIX = "/api/v1/mcp"
_MARGIN = 10.0  # seconds that a call may last beyond the time that its tool may take


@dataclass(frozen=True, slots=True)
class Server:
    """An MCP server behind the gateway, and how many tools it is known to have.

    `status` is connected, connecting, disconnected or failed; `transport` is stdio, http or in-process.
    """

    name: str
    status: str
    transport: str
    tools: int


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its schemas as JSON Schema, and what a call of it needs beside the scopes that every call needs.

    It is called as `server.name`, and as `name` while one server alone has it.
    """

    name: str
    server: str
    title: str | None
    description: str | None
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool has answered. With `is_error` it says that the tool failed, which is no error of the call."""

    tool: str
    server: str
    is_error: bool
    content: tuple[Mapping[str, Any], ...]
    structured_content: Any
    duration_ms: float

    @property
    def text(self) -> str:
        """The text blocks of the content, one a line."""
        return "\n".join(str(block.get("text", "")) for block in self.content if block.get("type") == "text")


@dataclass(frozen=True, slots=True)
class Health:
    """What the gateway says of itself to everybody: that it answers, and how many of its servers are connected."""

    status: str
    connected: int
    servers: int


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call, before anything is sent; `read` makes its value of the answer's JSON object, or raises TypeError.

    `is_repeatable` says that to do it twice is as good as once; `seconds` is what it may take at the very least, where
    that is known; a call that is not `authenticated` goes without the token.
    """

    method: str
    path: str
    read: Callable[[Mapping[str, Any]], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    is_repeatable: bool = True
    authenticated: bool = True
    seconds: float = 0.0


def health() -> Call[Health]:
    """Ask how the gateway is."""
    return Call("GET", f"{PREFIX}/health", _health, authenticated=False)


def list_servers() -> Call[tuple[Server, ...]]:
    """Ask which servers there are."""
    return Call("GET", f"{PREFIX}/servers", _servers)


def connect(server: str) -> Call[Server]:
    """Have the gateway connect a server."""
    return Call("POST", f"{PREFIX}/servers/{_segment(server)}/connect", _server, is_repeatable=False)


def disconnect(server: str) -> Call[Server]:
    """Have the gateway disconnect a server."""
    return Call("POST", f"{PREFIX}/servers/{_segment(server)}/disconnect", _server, is_repeatable=False)


def list_tools(server: str | None) -> Call[tuple[Tool, ...]]:
    """Ask which tools there are, of one server or of all."""
    query = {} if server is None else {"server_name": server}
    return Call("GET", f"{PREFIX}/tools", _tools, query)


def get_tool(name: str) -> Call[Tool]:
    """Ask for one tool."""
    return Call("GET", f"{PREFIX}/tools/{_segment(name)}", _tool)


def execute(name: str, arguments: Mapping[str, Any] | None, timeout: float | None) -> Call[ToolResult]:
    """Have a tool executed; `timeout` is the seconds that it may take."""
    path = f"{PREFIX}/tools/{_segment(name)}/execute"
    body: dict[str, Any] = {"arguments": dict(arguments or {})}
    if timeout is None:
        return Call("POST", path, _result, body=body, is_repeatable=False)
    body["timeout"] = timeout
    return Call("POST", path, _result, body=body, is_repeatable=False, seconds=timeout + _MARGIN)


def _segment(name: str) -> str:
    """Write a name as one segment of a path, that leads to no other address."""
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} names no server and no tool")
    return quote(name, safe="")


def _health(document: Mapping[str, Any]) -> Health:
    servers = _member(document, "servers", dict)
    return Health(_member(document, "status", str), _member(servers, "connected", int), _member(servers, "total", int))


def _servers(document: Mapping[str, Any]) -> tuple[Server, ...]:
    return tuple(_server(entry) for entry in _list(document, "servers", dict))


def _server(entry: Mapping[str, Any]) -> Server:
    return Server(
        name=_member(entry, "name", str),
        status=_member(entry, "status", str),
        transport=_member(entry, "transport", str),
        tools=_member(entry, "tools", int),
    )


def _tools(document: Mapping[str, Any]) -> tuple[Tool, ...]:
    return tuple(_tool(entry) for entry in _list(document, "tools", dict))


def _tool(entry: Mapping[str, Any]) -> Tool:
    return Tool(
        name=_member(entry, "name", str),
        server=_member(entry, "server", str),
        title=_member(entry, "title", str, NoneType),
        description=_member(entry, "description", str, NoneType),
        input_schema=_member(entry, "input_schema", dict),
        output_schema=_member(entry, "output_schema", dict, NoneType),
        scopes=tuple(_list(entry, "scopes", str)),
    )


def _result(document: Mapping[str, Any]) -> ToolResult:
    return ToolResult(
        tool=_member(document, "tool", str),
        server=_member(document, "server", str),
        is_error=_member(document, "is_error", bool),
        content=tuple(_list(document, "content", dict)),
        structured_content=document.get("structured_content"),
        duration_ms=_member(document, "duration_ms", float, int),
    )


def _member(document: Mapping[str, Any], name: str, *kinds: type[T]) -> T:
    """Return a member that is of one of these types; one that is absent is null. Raises TypeError."""
    value = document.get(name)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"its member {name} is not of the type {kinds[0].__name__}")
    return value


def _list(document: Mapping[str, Any], name: str, kind: type[T]) -> list[T]:
    entries = _member(document, name, list)
    if not all(isinstance(entry, kind) for entry in entries):
        raise TypeError(f"its member {name} does not have entries of the type {kind.__name__} only")
    return entries
