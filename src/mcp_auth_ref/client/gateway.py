"""The client of the gateway, in two faces: `MCPAuthClient` is asynchronous, `SyncMCPAuthClient` is for scripts."""

import random
import time
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import anyio
import httpx2

from mcp_auth_ref.client import calls
from mcp_auth_ref.client.answers import Answer
from mcp_auth_ref.client.calls import Call, Health, Server, Tool, ToolResult
from mcp_auth_ref.client.exchange import AskForToken, Outcome, Send, Step, Wait, exchange, failure_of
from mcp_auth_ref.client.origins import checked_address
from mcp_auth_ref.client.sources import Token, TokenSource, source_of
from mcp_auth_ref.core.errors import CallFailed, DeadlinePassed, UnexpectedAnswer

T = TypeVar("T")

DEADLINE = 60.0
RETRIES = 2
MAX_ANSWER_BYTES = 32 * 1024 * 1024
_CONNECT_SECONDS = 10.0
# Servers close what has been idle for 5 seconds (uvicorn); a request on its way there would be lost.
_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)
_jitter = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class _Gateway:
    """What both faces know: where the gateway is, where the token comes from, and how long a call may last."""

    address: httpx2.URL
    source: TokenSource | None
    deadline: float
    retries: int

    @classmethod
    def of(cls, base_url: str, token: Token | None, deadline: float, retries: int) -> "_Gateway":
        if deadline <= 0 or retries < 0:
            raise ValueError("a deadline is longer than 0 seconds, and there are 0 retries or more")
        source = None if token is None else source_of(token)
        return cls(checked_address(base_url, "base_url"), source, deadline, retries)

    def seconds_for(self, call: Call[Any]) -> float:
        return max(self.deadline, call.seconds)

    def conversation(self, call: Call[T], ends_at: float) -> Generator[Step, Outcome, T]:
        remaining = lambda: ends_at - time.monotonic()  # noqa: E731 - what is left, each time it is asked for
        return exchange(call, retries=self.retries, remaining=remaining, chance=_jitter)

    def request(self, http: httpx2.Client | httpx2.AsyncClient, send: Send, seconds: float) -> httpx2.Request:
        headers = {"Accept": "application/json, application/problem+json"}
        if send.token is not None:
            headers["Authorization"] = f"Bearer {send.token}"
        return http.build_request(
            send.call.method,
            str(self.address).rstrip("/") + send.call.path,
            params=send.call.query or None,
            json=send.call.body,
            headers=headers,
            timeout=httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
        )

    @property
    def trusts_proxies(self) -> bool:
        """A proxy of the environment would read what goes over http, which is meant for this machine only."""
        return self.address.scheme == "https"

    def __str__(self) -> str:
        return repr(str(self.address))


class MCPAuthClient:
    """Call the tools of a gateway, with a token, from asynchronous code.

    `base_url` is the address of the gateway without `/api/v1/mcp`: https, or http on this machine. `token` is a text, a
    function (also an asynchronous one), `TokenVariable`, `TokenFile` or a source of your own, and None for a gateway
    that asks for none. `deadline` is the seconds that a call may last, everything included; `retries` is how often what
    has certainly not been done, or only reads, is sent again. An `http_client` of your own stays yours to close.

    Raises ConfigurationError at once where the address or the token cannot be right. Each call raises InvalidToken
    (TokenRefused, with the server's reason), MissingToken, InsufficientScope, or another AuthError that the gateway
    names; CallFailed where there is no answer to use. A redirect is never followed.
    """

    def __init__(
        self,
        base_url: str,
        token: Token | None,
        *,
        deadline: float = DEADLINE,
        retries: int = RETRIES,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self._gateway = _Gateway.of(base_url, token, deadline, retries)
        self._is_own = http_client is None
        self._http = http_client or httpx2.AsyncClient(limits=_LIMITS, trust_env=self._gateway.trusts_proxies)

    def __repr__(self) -> str:
        return f"MCPAuthClient({self._gateway})"

    async def __aenter__(self) -> "MCPAuthClient":
        """Return the client; leaving closes it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._is_own:
            await self._http.aclose()

    async def health(self) -> Health:
        """Ask how the gateway is; this needs no right and sends no token."""
        return await self._perform(calls.health())

    async def list_servers(self) -> tuple[Server, ...]:
        """Return the MCP servers behind the gateway."""
        return await self._perform(calls.list_servers())

    async def connect(self, server: str) -> Server:
        """Have the gateway connect a server."""
        return await self._perform(calls.connect(server))

    async def disconnect(self, server: str) -> Server:
        """Have the gateway disconnect a server."""
        return await self._perform(calls.disconnect(server))

    async def list_tools(self, server: str | None = None) -> tuple[Tool, ...]:
        """Return the tools of one server, or of all."""
        return await self._perform(calls.list_tools(server))

    async def get_tool(self, name: str) -> Tool:
        """Return a tool, by its name or as `server.tool`."""
        return await self._perform(calls.get_tool(name))

    async def execute(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it is the tool's, and goes to the gateway
    ) -> ToolResult:
        """Have a tool executed, which may take `timeout` seconds (the gateway's own limit, unless given).

        A tool that fails is a result with `is_error`. A call whose answer got lost may have run and is not repeated.
        """
        return await self._perform(calls.execute(name, arguments, timeout))

    async def _perform(self, call: Call[T]) -> T:
        seconds = self._gateway.seconds_for(call)
        ends_at = time.monotonic() + seconds
        conversation = self._gateway.conversation(call, ends_at)
        with anyio.move_on_after(seconds):
            try:
                step = next(conversation)
                while True:
                    step = conversation.send(await self._take(step, ends_at, seconds))
            except StopIteration as end:
                value: T = end.value
                return value
            finally:
                conversation.close()
        raise DeadlinePassed(seconds)

    async def _take(self, step: Step, ends_at: float, seconds: float) -> Outcome:
        match step:
            case AskForToken(refused):
                source = self._gateway.source
                return None if source is None else await source.token_async(refused)
            case Wait(pause):
                await anyio.sleep(pause)
                return None
            case Send():
                return await self._send(step, ends_at, seconds)

    async def _send(self, send: Send, ends_at: float, seconds: float) -> Answer | CallFailed:
        request = self._gateway.request(self._http, send, max(ends_at - time.monotonic(), 0.001))
        asked_at = time.time()
        try:
            response = await self._http.send(request, stream=True, auth=None, follow_redirects=False)
            try:
                body = _Body(response.status_code)
                async for part in response.aiter_bytes():
                    body.add(part)
            finally:
                await response.aclose()
        except httpx2.RequestError as error:
            return failure_of(error, str(request.url), seconds)
        return _answer(response, body, asked_at)


class SyncMCPAuthClient:
    """Call the tools of a gateway, with a token, from a script: `MCPAuthClient` without `await`.

    Arguments, results and errors are the same; the function of a token is a plain one. The deadline is looked at
    between the parts of an answer.
    """

    def __init__(
        self,
        base_url: str,
        token: Token | None,
        *,
        deadline: float = DEADLINE,
        retries: int = RETRIES,
        http_client: httpx2.Client | None = None,
    ) -> None:
        self._gateway = _Gateway.of(base_url, token, deadline, retries)
        self._is_own = http_client is None
        self._http = http_client or httpx2.Client(limits=_LIMITS, trust_env=self._gateway.trusts_proxies)

    def __repr__(self) -> str:
        return f"SyncMCPAuthClient({self._gateway})"

    def __enter__(self) -> "SyncMCPAuthClient":
        """Return the client; leaving closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            self._http.close()

    def health(self) -> Health:
        """Ask how the gateway is; this needs no right and sends no token."""
        return self._perform(calls.health())

    def list_servers(self) -> tuple[Server, ...]:
        """Return the MCP servers behind the gateway."""
        return self._perform(calls.list_servers())

    def connect(self, server: str) -> Server:
        """Have the gateway connect a server."""
        return self._perform(calls.connect(server))

    def disconnect(self, server: str) -> Server:
        """Have the gateway disconnect a server."""
        return self._perform(calls.disconnect(server))

    def list_tools(self, server: str | None = None) -> tuple[Tool, ...]:
        """Return the tools of one server, or of all."""
        return self._perform(calls.list_tools(server))

    def get_tool(self, name: str) -> Tool:
        """Return a tool, by its name or as `server.tool`."""
        return self._perform(calls.get_tool(name))

    def execute(
        self, name: str, arguments: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> ToolResult:
        """Have a tool executed, which may take `timeout` seconds (the gateway's own limit, unless given).

        A tool that fails is a result with `is_error`. A call whose answer got lost may have run and is not repeated.
        """
        return self._perform(calls.execute(name, arguments, timeout))

    def _perform(self, call: Call[T]) -> T:
        seconds = self._gateway.seconds_for(call)
        ends_at = time.monotonic() + seconds
        conversation = self._gateway.conversation(call, ends_at)
        try:
            step = next(conversation)
            while True:
                step = conversation.send(self._take(step, ends_at, seconds))
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            conversation.close()

    def _take(self, step: Step, ends_at: float, seconds: float) -> Outcome:
        match step:
            case AskForToken(refused):
                source = self._gateway.source
                return None if source is None else source.token(refused)
            case Wait(pause):
                time.sleep(pause)
                return None
            case Send():
                return self._send(step, ends_at, seconds)

    def _send(self, send: Send, ends_at: float, seconds: float) -> Answer | CallFailed:
        if time.monotonic() >= ends_at:
            return DeadlinePassed(seconds)
        request = self._gateway.request(self._http, send, ends_at - time.monotonic())
        asked_at = time.time()
        try:
            response = self._http.send(request, stream=True, auth=None, follow_redirects=False)
            try:
                body = _Body(response.status_code)
                for part in _until(ends_at, response.iter_bytes(), seconds):
                    body.add(part)
            finally:
                response.close()
        except httpx2.RequestError as error:
            return failure_of(error, str(request.url), seconds)
        return _answer(response, body, asked_at)


class _Body:
    """The body of an answer as it comes in, and no more of it than a result may have."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._parts = bytearray()

    def add(self, part: bytes) -> None:
        """Take a part. Raises UnexpectedAnswer."""
        self._parts += part
        if len(self._parts) > MAX_ANSWER_BYTES:
            raise UnexpectedAnswer(self._status, f"it has more than {MAX_ANSWER_BYTES} bytes")

    def __bytes__(self) -> bytes:
        return bytes(self._parts)


def _until(ends_at: float, parts: Iterable[bytes], seconds: float) -> Iterable[bytes]:
    for part in parts:
        if time.monotonic() >= ends_at:
            raise DeadlinePassed(seconds)
        yield part


def _answer(response: httpx2.Response, body: _Body, asked_at: float) -> Answer:
    return Answer(response.status_code, response.headers, bytes(body), str(response.request.url), asked_at, time.time())
