"""A server at an address: the SDK's streamable HTTP, with bounds on what it reads and an end to one call at a time.

As it is, one broken connection would end every call to the server, and a body is read however long it is.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx2
from mcp.client.streamable_http import streamable_http_client

from mcp_auth_ref.toolhub.messages import TOO_LARGE, UNREACHABLE, in_place_of_answer

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

    from mcp_auth_ref.toolhub.config import HttpServer

CONNECT_SECONDS = 10
LEAVE_SECONDS = 3
_JSON = "application/json"
_KEPT = ("content-type", "mcp-session-id")


@asynccontextmanager
async def reached(
    server: "HttpServer", *, max_body_bytes: int, doubted: Callable[[], None]
) -> AsyncIterator["TransportStreams"]:
    """Give the streams that the SDK's client speaks over. The configured headers go with every request.

    `doubted` is called when the server does not answer as it should, so that somebody looks whether it is still there.
    No proxy of the environment stands between: what is called is the configured address.
    """
    secrets = {name: value.get_secret_value() for name, value in server.headers.items()}
    async with (
        httpx2.AsyncClient(
            transport=_OneCallAtATime(max_body_bytes, doubted),
            # A compressed body could become any number of bytes.
            headers={"accept-encoding": "identity", **secrets},
            timeout=httpx2.Timeout(CONNECT_SECONDS, read=None),
        ) as client,
        streamable_http_client(server.url, http_client=client, max_sse_event_size=max_body_bytes) as streams,
    ):
        yield streams


class _OneCallAtATime(httpx2.AsyncHTTPTransport):
    """A transport that answers in the server's place where the server does not, so that only that call fails."""

    def __init__(self, max_body_bytes: int, doubted: Callable[[], None]) -> None:
        super().__init__(limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20))
        self._max_body_bytes = max_body_bytes
        self._doubted = doubted

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and read a JSON body here, within bounds."""
        if request.method == "DELETE":
            # It ends a session that may be ended because nothing answers any more.
            request.extensions["timeout"] = {**request.extensions.get("timeout", {}), "read": LEAVE_SECONDS}
        try:
            response = await super().handle_async_request(request)
            problem = _problem(request, response)
            if problem is None:
                return await self._bounded(response)
            await response.aclose()
        except httpx2.TransportError as error:
            problem = f"it cannot be reached ({type(error).__name__})"
        self._doubted()
        return _instead(UNREACHABLE, problem)

    async def _bounded(self, response: httpx2.Response) -> httpx2.Response:
        """Read JSON whole. Streams of events are bounded event by event, and other bodies nobody reads."""
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            return response
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._max_body_bytes:
                await response.aclose()
                return _instead(TOO_LARGE, "the answer is too large")
        headers = [(name, value) for name, value in response.headers.items() if name in _KEPT]
        return httpx2.Response(response.status_code, headers=headers, content=bytes(body))


def _problem(request: httpx2.Request, response: httpx2.Response) -> str | None:
    """Say why an answer is none of the server's MCP endpoint. What else is wrong, MCP itself has words for."""
    status = response.status_code
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"it refuses what this server has for it (HTTP {status}): look at its headers in the configuration"
    if status == HTTPStatus.NOT_FOUND and "mcp-session-id" in request.headers:
        return "it has forgotten the session"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"it redirects (HTTP {status}): name the address that it really has"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"it answers with HTTP {status}"
    if response.headers.get("content-encoding", "identity") != "identity":
        return "it compresses an answer that was asked for as it is"
    return None


def _instead(code: int, problem: str) -> httpx2.Response:
    """Make an answer that ends the call. The SDK puts the id of the request in."""
    content = in_place_of_answer(None, code, problem).model_dump_json(by_alias=True)
    return httpx2.Response(HTTPStatus.BAD_GATEWAY, headers={"content-type": _JSON}, content=content)
