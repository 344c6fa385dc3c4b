"""The outermost ring: each request gets an identifier of ours, which its answer, its events and its spans share.

An identifier that a caller sends is not taken over: it could be that of another request, or a line of a log.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from mcp_auth_ref.events import Event, Kind

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
_NAME = HEADER.lower().encode()


def random_identifier() -> str:
    """Return 128 random bits, in hexadecimal digits."""
    return secrets.token_hex(16)


class Observed:
    """Put an identifier at `scope["state"]["request_id"]`, and as `X-Request-Id` on the answer, whatever that is.

    `answered` hears of the status of each answer, and of the seconds from the head of the request to its end.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        identifier: Callable[[], str] = random_identifier,
        answered: Callable[[int, float], None] | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._identifier = identifier
        self._answered = answered
        self._timer = timer

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Give an HTTP request its identifier; everything else passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._identifier()
        header = (_NAME, request_id.encode("ascii"))

        started, status = self._timer(), 0

        def send_with_it(message: "Message") -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), header]}
            return send(message)

        state = {**scope.get("state", {}), "request_id": request_id}
        try:
            await self._app({**scope, "state": state}, receive, send_with_it)
        finally:
            if status and self._answered is not None:
                self._answered(status, self._timer() - started)


def event_of(
    scope: "Scope",
    kind: Kind,
    *,
    at: float,
    code: str | None = None,
    payload: Mapping[str, Any] | None = None,
    server: str | None = None,
    tool: str | None = None,
    duration: float | None = None,
) -> Event:
    """Build the event of a request: with its identifier, the address it came from, and whom its token names.

    `payload` is what a token says whose signature has held and that is refused all the same; without it, the verified
    claims of the request count.
    """
    state, client = scope.get("state", {}), scope.get("client")
    if payload is None:
        payload = state["claims"].payload if "claims" in state else {}
    return Event(
        kind=kind,
        at=at,
        code=code,
        subject=_text(payload.get("sub")),
        client_id=_text(payload.get("client_id")),
        token_id=_text(payload.get("jti")),
        server=server,
        tool=tool,
        request_id=state.get("request_id"),
        address=client[0] if client else None,
        duration=duration,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
