"""`McpAuth`: the token for any client of httpx2, and so for the MCP SDK's and FastMCP's."""

import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field

import httpx2

from mcp_auth_ref.client.answers import Answer, bearer_challenge, is_renewable, problem_of, rights_refusal
from mcp_auth_ref.client.origins import checked_address, origin
from mcp_auth_ref.client.sources import Token, source_of
from mcp_auth_ref.core.errors import AuthError


class McpAuth(httpx2.Auth):
    """Send the token to one server, and raise what the server refuses it with.

    Pass it as `auth` of an `httpx2.AsyncClient` or `httpx2.Client`. `url` is an address of the server, https or http on
    this machine; requests to another origin go without the token. `token` is what `MCPAuthClient` takes. Where the
    server calls a token expired, or refuses it and names no reason, the source is asked for another, once a request.

    A refusal that is about the token or its scopes is raised: TokenRefused, MissingToken, InsufficientScope with every
    scope of the challenge. Every other answer is returned as it is. Raises ConfigurationError at once where the address
    or the token cannot be right.
    """

    def __init__(self, url: str, token: Token) -> None:
        self._origin = origin(checked_address(url, "url"))
        self._source = source_of(token)

    def __repr__(self) -> str:
        scheme, host, port = self._origin
        return f"McpAuth({f'{scheme}://{host}' + (f':{port}' if port else '')!r})"

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send a request with the token, and once more with another where this one has expired. Raises AuthError."""
        if origin(request.url) != self._origin:
            yield request
            return
        refused: _Refused | None = None
        while True:
            token = self._source.token(refused.token if refused else None)
            if refused and token == refused.token:
                raise refused.error
            asked_at = time.time()
            response = yield _with(token, request)
            if response.status_code not in (401, 403):
                return
            response.read()
            refused = _refused(response, token, asked_at, may_mend=refused is None)
            if refused is None:
                return

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send a request with the token, and once more with another where this one has expired. Raises AuthError."""
        if origin(request.url) != self._origin:
            yield request
            return
        refused: _Refused | None = None
        while True:
            token = await self._source.token_async(refused.token if refused else None)
            if refused and token == refused.token:
                raise refused.error
            asked_at = time.time()
            response = yield _with(token, request)
            if response.status_code not in (401, 403):
                return
            await response.aread()
            refused = _refused(response, token, asked_at, may_mend=refused is None)
            if refused is None:
                return


def _with(token: str, request: httpx2.Request) -> httpx2.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


@dataclass(frozen=True, slots=True)
class _Refused:
    """A token that the server has refused in a way that another may mend."""

    token: str = field(repr=False)
    error: AuthError


def _refused(response: httpx2.Response, token: str, asked_at: float, *, may_mend: bool) -> _Refused | None:
    """Return what another token may mend, or None where nothing is refused. Raises AuthError for what none mends."""
    answer = Answer(
        response.status_code, response.headers, response.content, str(response.request.url), asked_at, time.time()
    )
    error = rights_refusal(answer, problem_of(answer, token), bearer_challenge(answer), token)
    if error is None:
        return None
    if may_mend and is_renewable(error, answer):
        return _Refused(token, error)
    raise error
