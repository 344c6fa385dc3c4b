"""What an MCP endpoint asks of its callers: the scopes of each operation, told from the body of the request.

What counts is what will be done, and that stands in the body; a client writes the headers `Mcp-Method` and `Mcp-Name`
as it likes. So the body is read before the operation begins, and a missing scope is an HTTP 403 with a challenge that
clients can act on, not a tool that has disappeared.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    decode_header_value,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers

from mcp_auth_ref.core.errors import AuthError, InsufficientScope, InvalidRequest, MethodNotAllowed, RateLimited
from mcp_auth_ref.core.scopes import TOOLS_READ, missing
from mcp_auth_ref.events import Listener, nobody
from mcp_auth_ref.server.bodies import TOO_LARGE, read, replay, strict_json
from mcp_auth_ref.server.calls import CALL_SCOPES
from mcp_auth_ref.server.limits import CallLimits, with_fields
from mcp_auth_ref.server.observed import event_of
from mcp_auth_ref.server.problems import challenge, refusal

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mcp_auth_ref.server.limits import Fields

logger = logging.getLogger(__name__)

CALL = "tools/call"
LIST_SCOPES = (TOOLS_READ,)

_POST_ONLY = refusal(MethodNotAllowed(), {"allow": "POST"})


class RequireToolScopes:
    """Let an MCP request through to `app` only with every scope that its operation needs.

    Stands inside `RequireToken`. Every request needs `mcp:tools:read`; `tools/call` needs `mcp:tools:execute` as well,
    and what `tools` says for the tool: `{"write_file": ["files:write"]}`, or a function of its name. A tool that is not
    in `tools` needs no more than any other, whether it exists or not. `limits` count each message before its scopes are
    looked at. `tell` hears of each refusal.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        tools: Mapping[str, Collection[str]] | Callable[[str], Collection[str]],
        metadata_url: str,
        limits: CallLimits | None = None,
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._app = app
        self._limits = limits
        self._clock = clock
        self._tell = tell
        self._own_scopes = tools if callable(tools) else {**tools}.get
        self._metadata_url = metadata_url

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Compare the scopes of an HTTP request's token with what its operation needs; everything else passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await read(receive)
        if body is None:
            await TOO_LARGE(scope, receive, send)
            return
        try:
            messages, fields = await self._counted(scope, body)
        except RateLimited as error:
            await refusal(error)(scope, receive, send)
        except InvalidRequest as error:
            self._refused(scope, error)
            await refusal(error)(scope, receive, send)
        else:
            send = with_fields(send, fields) if fields else send
            await self._decide(scope, messages)(scope, replay(body, receive), send)

    async def _counted(self, scope: "Scope", body: bytes) -> "tuple[Sequence[Mapping[str, Any]], Fields]":
        """Read the messages and count each, or what cannot be read as one. Raises InvalidRequest, RateLimited."""
        try:
            messages = _operations(scope, body)
        except InvalidRequest:
            await self._count(scope, ())
            raise
        return messages, await self._count(scope, messages)

    async def _count(self, scope: "Scope", messages: Sequence[Mapping[str, Any]]) -> "Fields":
        if self._limits is None:
            return ()
        tools = [_target(message, "name") if message.get("method") == CALL else None for message in messages]
        return await self._limits.take(scope, tools or (None,))

    def _decide(self, scope: "Scope", messages: Sequence[Mapping[str, Any]]) -> "ASGIApp":
        required = [required for message in messages for required in self._scopes_of(message)] or LIST_SCOPES
        if not missing(scope["state"]["claims"].scopes, required):
            return self._app
        lacking = InsufficientScope(required)
        self._refused(scope, lacking, messages)
        return challenge(lacking, metadata_url=self._metadata_url, scopes=required)

    def _refused(self, scope: "Scope", error: AuthError, messages: Sequence[Mapping[str, Any]] = ()) -> None:
        logger.info("refused a request, %s: %s", error.code, error)
        if self._tell is not nobody:
            tools = " ".join(_target(message, "name") for message in messages if message.get("method") == CALL)
            self._tell(event_of(scope, "refuse", at=self._clock(), code=error.code, tool=tools or None))

    def _scopes_of(self, message: Mapping[str, Any]) -> Sequence[str]:
        if message.get("method") != CALL:
            return LIST_SCOPES
        return (*CALL_SCOPES, *(self._own_scopes(_target(message, "name")) or ()))


class StatelessEndpoint:
    """The MCP endpoint itself: each POST stands for itself, so that there is no session to steal.

    The token ends here. Tools cannot see it, log it or send it on (MCP 2026-07-28, token passthrough).
    """

    def __init__(self, manager: "StreamableHTTPSessionManager") -> None:
        self._manager = manager

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Hand a POST to the SDK."""
        if scope["method"] != "POST":
            await _POST_ONLY(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
        await self._manager.handle_request({**scope, "headers": headers}, receive, send)


def _operations(scope: "Scope", body: bytes) -> Sequence[Mapping[str, Any]]:
    """Read what a request asks for: its messages, or none where it is no POST. Raises InvalidRequest."""
    if scope["method"] != "POST":
        return ()
    headers = Headers(scope=scope)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidRequest("the Content-Type of the body is not application/json")
    messages = _messages(body)
    if len(messages) == 1:
        _check_routing(headers, messages[0])
    return messages


def _messages(body: bytes) -> list[dict[str, Any]]:
    """Read the JSON-RPC message, or each of a batch, refusing what another parser may read otherwise."""
    document = strict_json(body)
    items = document if isinstance(document, list) else [document]
    messages = [item for item in items if isinstance(item, dict)]
    if not messages or len(messages) < len(items):
        raise InvalidRequest("the body is not a JSON-RPC message")
    return messages


def _target(message: Mapping[str, Any], key: str) -> str:
    """Return what a message is about: the name of its tool or prompt, or the address of its resource."""
    params = message.get("params")
    target = params.get(key) if isinstance(params, dict) else None
    return target if isinstance(target, str) else ""


def _check_routing(headers: Headers, message: Mapping[str, Any]) -> None:
    """Refuse headers that say otherwise than the body, for a proxy may go by them.

    From 2026-07-28 on the SDK itself answers for that, and older clients send no such headers.
    """
    if headers.get(MCP_PROTOCOL_VERSION_HEADER, "") not in ("", *HANDSHAKE_PROTOCOL_VERSIONS):
        return
    method = str(message.get("method"))
    if any(value != method for value in headers.getlist(MCP_METHOD_HEADER)):
        raise InvalidRequest("the Mcp-Method header is not the method of the body")
    target = _target(message, NAME_BEARING_METHODS.get(method, "name"))
    if any(decode_header_value(value) != target for value in headers.getlist(MCP_NAME_HEADER)):
        raise InvalidRequest("the Mcp-Name header is not the name in the body")
