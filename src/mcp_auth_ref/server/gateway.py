"""The REST gateway: the MCP servers of the configuration and their tools, over plain HTTP and JSON.

What an operation needs stands in its OpenAPI description and is read from there: the document and the guard are one.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from fastapi import FastAPI, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from mcp_auth_ref.core.errors import (
    AuthError,
    InsufficientScope,
    InvalidArguments,
    InvalidParameters,
    RateLimited,
    ResultTooLarge,
    ServerDisconnected,
    ServerUnavailable,
    ToolTimeout,
    UnknownServer,
    UnknownTool,
)
from mcp_auth_ref.core.scopes import SERVERS_MANAGE, SERVERS_READ, TOOLS_READ, missing
from mcp_auth_ref.events import Listener, nobody
from mcp_auth_ref.server import openapi
from mcp_auth_ref.server.answers import Connected, Health, Result, Server, Servers, Tool, Tools
from mcp_auth_ref.server.calls import CALL_SCOPES, ClientGone, call_tool
from mcp_auth_ref.server.limits import CallLimits, with_fields
from mcp_auth_ref.server.observed import event_of
from mcp_auth_ref.server.openapi import WITH_BODY, WITH_NAME, operation, scopes_of
from mcp_auth_ref.server.problems import Problem, challenge, failure, refusal
from mcp_auth_ref.toolhub import ToolHub

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

PREFIX = "/api/v1/mcp"
DOCUMENT = "/api/v1/openapi.json"
PUBLIC = (f"{PREFIX}/health", DOCUMENT)
FIRST_SCOPES = (SERVERS_READ, *CALL_SCOPES)

EXECUTE = "execute_tool"
CLIENT_GONE = 499
LONGEST_NAME = 200
_NAME = f"a string of 1 to {LONGEST_NAME} characters"
_FRESH = {"cache-control": "no-store"}

Name: TypeAlias = Annotated[str, Path(title=_NAME, min_length=1, max_length=LONGEST_NAME, examples=["echo"])]
ServerName: TypeAlias = Annotated[
    str | None,
    Query(title=_NAME, min_length=1, max_length=LONGEST_NAME, description="Only the tools of this server."),
]


class Call(BaseModel):
    """A call of a tool."""

    model_config = ConfigDict(extra="forbid", strict=True)

    arguments: dict[str, Any] = Field(
        default_factory=dict,
        title="an object",
        description="What the tool's `input_schema` asks for.",
        examples=[{"text": "hello"}],
    )
    timeout: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        title="a number of seconds above 0",
        description="How long to wait for the tool, in seconds; without it, as long as the gateway waits for any.",
        examples=[10],
    )


def create_gateway(hub: ToolHub, *, server: str, timeout: float, metadata_url: str | None) -> FastAPI:
    """Return the application, without its guards. `timeout` is the longest a call may take, in seconds.

    `server` is the origin under which clients reach it, and `metadata_url` the address that challenges lead to; None
    stands for a gateway without authentication.
    """
    app = FastAPI(
        title="MCP gateway",
        version=version("mcp-auth-ref"),
        description="MCP servers and their tools over HTTP and JSON. Refusals are problem documents (RFC 9457).",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers=_handlers(metadata_url),
    )
    _describe_itself(app, server, timeout, metadata_url)
    _show_servers(app, hub)
    _show_tools(app, hub)
    _execute_tools(app, hub, timeout)
    return app


def _describe_itself(app: FastAPI, server: str, timeout: float, metadata_url: str | None) -> None:
    @cache
    def document() -> Mapping[str, Any]:
        return openapi.document(app, server=server, timeout=timeout, metadata_url=metadata_url)

    @app.get(DOCUMENT, include_in_schema=False, openapi_extra={"security": []})
    async def describe() -> Response:
        return JSONResponse(document(), headers=_FRESH)


def _show_servers(app: FastAPI, hub: ToolHub) -> None:
    @app.get(f"{PREFIX}/health", summary="Ask whether the gateway answers", **operation())
    async def health(response: Response) -> Health:
        response.headers.update(_FRESH)
        return Health(servers=connected(hub))

    @app.get(f"{PREFIX}/servers", summary="List the MCP servers", **operation(scopes=[SERVERS_READ]))
    async def list_servers() -> Servers:
        return Servers(servers=[Server.of(status) for status in hub.servers()])

    @app.post(
        f"{PREFIX}/servers/{{name}}/connect",
        summary="Connect an MCP server, and wait until it is connected",
        **operation(
            *WITH_BODY,
            *WITH_NAME,
            UnknownServer(["demo"]),
            ServerUnavailable("files", "its process has ended"),
            scopes=[SERVERS_MANAGE],
        ),
    )
    async def connect_server(name: Name) -> Server:
        return Server.of(await hub.connect(name))

    @app.post(
        f"{PREFIX}/servers/{{name}}/disconnect",
        summary="Disconnect an MCP server until it is connected again; its running calls fail",
        **operation(*WITH_BODY, *WITH_NAME, UnknownServer(["demo"]), scopes=[SERVERS_MANAGE]),
    )
    async def disconnect_server(name: Name) -> Server:
        return Server.of(await hub.disconnect(name))


def _show_tools(app: FastAPI, hub: ToolHub) -> None:
    @app.get(
        f"{PREFIX}/tools",
        summary="List the tools",
        **operation(*WITH_NAME, UnknownServer(["demo"]), scopes=[TOOLS_READ]),
    )
    async def list_tools(server_name: ServerName = None) -> Tools:
        return Tools(tools=[Tool.of(tool) for tool in await hub.tools(server_name)])

    @app.get(
        f"{PREFIX}/tools/{{name}}",
        summary="Describe a tool",
        **operation(*WITH_NAME, UnknownTool(), scopes=[TOOLS_READ]),
    )
    async def describe_tool(name: Name) -> Tool:
        return Tool.of(await hub.tool(name))


def _execute_tools(app: FastAPI, hub: ToolHub, timeout: float) -> None:
    @app.post(
        f"{PREFIX}/tools/{{name}}/execute",
        summary="Call a tool",
        description="A tool may need further scopes; its description lists them, and a refusal lists all at once.",
        **operation(
            *WITH_BODY,
            *WITH_NAME,
            UnknownTool(),
            InvalidArguments(["seconds: 11 is greater than the maximum of 10"]),
            ServerUnavailable("files", "its process has ended"),
            ResultTooLarge("files.read_file", 4 * 1024 * 1024),
            ServerDisconnected("files"),
            ToolTimeout("demo.sleep", timeout),
            scopes=CALL_SCOPES,
        ),
    )
    async def execute_tool(name: Name, call: Call, request: Request) -> Result:
        if call.timeout is not None and call.timeout > timeout:
            raise InvalidParameters([f"body, timeout: it is not a number of seconds above 0, {timeout:g} at most"])
        return Result.of(await call_tool(hub, request, name, call.arguments, seconds=call.timeout))


def connected(hub: ToolHub) -> Connected:
    """Count the servers."""
    servers = hub.servers()
    return Connected(connected=sum(each.status == "connected" for each in servers), total=len(servers))


def _handlers(metadata_url: str | None) -> dict[int | type[Exception], Any]:
    """Answer whatever an operation fails with by a problem document."""

    async def refuse(_: Request, error: Exception) -> Response:
        return _answer(_problem(error, metadata_url))

    async def forget(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_GONE)

    kinds = (AuthError, RequestValidationError, HTTPException, Exception)
    return {**dict.fromkeys(kinds, refuse), ClientGone: forget}


def _problem(error: Exception, metadata_url: str | None) -> Problem:
    match error:
        case InsufficientScope() if metadata_url is not None:
            return challenge(error, metadata_url=metadata_url, scopes=error.required)
        case AuthError():
            return refusal(error)
        case RequestValidationError():
            return refusal(InvalidParameters(_wrong(error)))
        case HTTPException():
            allowed = {"allow": "GET, HEAD"} if (error.headers or {}).get("Allow") == "GET" else error.headers
            return failure(error.status_code, allowed)
    return failure(500)


def _answer(problem: Problem) -> Response:
    return Response(problem.body, problem.status, problem.headers)


def _wrong(error: RequestValidationError) -> list[str]:
    """Say of each place what belongs there; what stands there may be a secret, and is not said."""
    return [f"{', '.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]


class Below(Route):
    """Every address below a path, whatever characters it has: a pattern of the router's own stops at a new line."""

    def matches(self, scope: "Scope") -> tuple[Match, "Scope"]:
        """Tell whether an address is below the path."""
        is_below = scope["type"] == "http" and scope["path"].startswith(f"{self.path}/")
        return (Match.FULL if is_below else Match.NONE), {}


class HeadAsGet:
    """Let `app` answer HEAD as it answers GET, and leave out the content (RFC 9110, section 9.3.2).

    Stands outside everything that decides by the method.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Ask for the head of an answer by asking for all of it."""

        def send_head(message: "Message") -> Awaitable[None]:
            return send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._app({**scope, "method": "GET"}, receive, send_head)
        else:
            await self._app(scope, receive, send)


class RequireOperationScopes:
    """Let a request through to the gateway only with every scope that its operation needs.

    Stands inside `RequireToken`. What an operation needs is in its description; a call needs what `tools` says for its
    tool as well. `limits` count each request before its scopes are looked at. `tell` hears of each refusal.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        routes: Sequence[BaseRoute],
        tools: Callable[[str], Collection[str]],
        metadata_url: str,
        limits: CallLimits | None = None,
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._app = app
        self._limits = limits
        self._routes = [(route, scopes_of(route)) for route in routes if isinstance(route, APIRoute)]
        self._own_scopes = tools
        self._metadata_url = metadata_url
        self._clock = clock
        self._tell = tell

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Compare the scopes of an HTTP request's token with what its operation needs; everything else passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        required, tool = self._required(scope)
        try:
            fields = await self._limits.take(scope, [tool]) if self._limits else ()
        except RateLimited as error:
            await refusal(error)(scope, receive, send)
        else:
            app = self._decide(scope, required, tool)
            await app(scope, receive, with_fields(send, fields) if fields else send)

    def _decide(self, scope: "Scope", required: Sequence[str], tool: str | None) -> "ASGIApp":
        if not missing(scope["state"]["claims"].scopes, required):
            return self._app
        lacking = InsufficientScope(required)
        logger.info("refused a request, %s: %s", lacking.code, lacking)
        self._tell(event_of(scope, "refuse", at=self._clock(), code=lacking.code, tool=tool))
        return challenge(lacking, metadata_url=self._metadata_url, scopes=required)

    def _required(self, scope: "Scope") -> tuple[Sequence[str], str | None]:
        """Return what an operation needs, and the tool that it calls."""
        method = scope["method"]
        for route, scopes in self._routes:
            if method not in (route.methods or ()):
                continue
            match, found = route.matches(scope)
            if match is Match.FULL and route.name == EXECUTE:
                tool = found["path_params"]["name"]
                return [*scopes, *self._own_scopes(tool)], tool[:LONGEST_NAME]
            if match is Match.FULL:
                return scopes, None
        return (), None  # there is no such operation, and the application says so
