"""Calls of tools on behalf of whoever has sent a request, for as long as they wait for the answer."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import anyio

from mcp_auth_ref.core.errors import InsufficientScope
from mcp_auth_ref.core.scopes import TOOLS_EXECUTE, TOOLS_READ, missing
from mcp_auth_ref.toolhub import Caller, HubResult, ToolHub

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive

    from mcp_auth_ref.core.tokens import Claims

CALL_SCOPES = (TOOLS_READ, TOOLS_EXECUTE)


class ClientGone(Exception):
    """Whoever asked has gone away; the call has been cancelled, and nobody is left to answer to."""


async def call_tool(
    hub: ToolHub, request: "Request", name: str, arguments: Mapping[str, object], *, seconds: float | None = None
) -> HubResult:
    """Call a tool for the sender of a request whose body has been read; cancel it as soon as the sender goes away.

    The scopes are compared once more with those of the very tool that is called: since the request was let in, a plain
    name may have come to mean another one. Raises ClientGone, InsufficientScope and what `ToolHub.execute` raises.
    """
    claims: Claims | None = request.scope.get("state", {}).get("claims")
    tool = hub.find(name)
    required = (*CALL_SCOPES, *tool.scopes)
    if claims is not None and missing(claims.scopes, required):
        raise InsufficientScope(required)
    call = partial(hub.execute, tool.full_name, arguments, timeout=seconds, caller=_caller(request, claims))
    return await _while_connected(request.receive, call)


def _caller(request: "Request", claims: "Claims | None") -> Caller:
    address = request.client.host if request.client else None
    request_id = request.scope.get("state", {}).get("request_id")
    if claims is None:
        return Caller(request_id=request_id, address=address)
    return Caller(
        subject=claims.subject,
        client_id=claims.client_id,
        token_id=claims.token_id,
        request_id=request_id,
        address=address,
    )


async def _while_connected(receive: "Receive", work: Callable[[], Awaitable[HubResult]]) -> HubResult:
    result: HubResult | None = None
    failure: Exception | None = None

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        try:
            result = await work()
        except Exception as error:  # noqa: BLE001 - it goes on below as it came, and not in a group of one
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if result is None:
        raise ClientGone
    return result
