"""The guard of a resource server: a request gets past it with an access token, or is told what it lacks.

It is plain ASGI and needs no framework; what it guards may be any application.
"""

import hashlib
import logging
import string
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import parse_qs

from mcp_auth_ref.core import jws
from mcp_auth_ref.core.errors import (
    AuthError,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    MalformedToken,
    MissingToken,
    RefusedClaims,
    StoreUnavailable,
    TokenNotChecked,
)
from mcp_auth_ref.core.scopes import missing
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.events import UNAVAILABLE, Event, Listener, nobody
from mcp_auth_ref.server.observed import event_of
from mcp_auth_ref.server.problems import Problem, challenge, refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_TOKEN68 = (string.ascii_letters + string.digits + "-._~+/=").encode()
_VARY = (b"vary", b"Authorization")
_NO_STORE = (b"cache-control", b"no-store")
_UNAVAILABLE = refusal(TokenNotChecked(), {"retry-after": "5"})


class Verifier(Protocol):
    """What the guard asks: `TokenVerifier`, `TrustedIssuers`, `VerifiedTokenCache`, or yours."""

    def verify(self, token: str, *, now: float) -> Claims:
        """Return what the token says. Raises InvalidToken."""


class RequireToken:
    """Let a request through to `app` only with an access token that `verifier` accepts and that has all `scopes`.

    The application finds the verified `Claims` at `scope["state"]["claims"]`: `request.state.claims` in Starlette and
    FastAPI. Everybody else gets a problem document and a challenge (RFC 6750, section 3) with `metadata_url`, the
    absolute address of the resource metadata, and `challenge_scopes`, what a client asks for to begin with (`scopes`,
    unless the application needs more later on). A verifier that fails in any other way than InvalidToken lets nobody
    in: the answer is 503. WebSockets are refused. `tell` hears what has been decided of each request, with the true
    reason of a refusal.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        verifier: Verifier,
        metadata_url: str,
        scopes: Collection[str] = (),
        challenge_scopes: Collection[str] | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
        tell: Listener = nobody,
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._metadata_url = metadata_url
        self._scopes = tuple(scopes)
        self._challenge_scopes = self._scopes if challenge_scopes is None else tuple(challenge_scopes)
        self._clock = clock
        self._timer = timer
        self._tell = tell

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Guard an HTTP request; a lifespan passes, a WebSocket does not."""
        if scope["type"] == "http":
            app = self._admit(scope)
            await app(scope, receive, _private(send) if app is self._app else send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "WebSockets are not served here"})
        else:
            raise ValueError(f"nothing is known here of the ASGI scope {scope['type']}")

    def _admit(self, scope: "Scope") -> "ASGIApp":
        """Return what answers the request: the application, with the claims in its scope, or a refusal."""
        started, token = self._timer(), ""
        try:
            token = bearer_token(scope)
            claims = self._verified(token)
        except (MissingToken, InvalidRequest, InvalidToken, InsufficientScope) as error:
            logger.info("refused a request, %s: %s; token %s", error.code, error, _digest(token))
            if self._tell is not nobody:
                self._tell(self._event(scope, "refuse", started, code=error.code, payload=_signed(token, error)))
            return challenge(error, metadata_url=self._metadata_url, scopes=self._challenge_scopes)
        except Exception as error:  # noqa: BLE001 - whatever a verifier fails with, nobody is let in
            if self._tell is not nobody:
                code = error.code if isinstance(error, StoreUnavailable) else UNAVAILABLE
                self._tell(self._event(scope, "refuse", started, code=code))
            return unverifiable(error)
        scope["state"] = {**scope.get("state", {}), "claims": claims}
        if self._tell is not nobody:
            self._tell(self._event(scope, "accept", started))
        return self._app

    def _event(
        self,
        scope: "Scope",
        kind: Literal["accept", "refuse"],
        started: float,
        *,
        code: str | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> Event:
        duration = self._timer() - started
        return event_of(scope, kind, at=self._clock(), code=code, payload=payload, duration=duration)

    def _verified(self, token: str) -> Claims:
        claims = self._verifier.verify(token, now=self._clock())
        granted = claims.scopes
        if not granted.issuperset(self._scopes) and missing(granted, self._scopes):
            raise InsufficientScope(self._scopes)
        return claims


def unverifiable(error: Exception) -> Problem:
    """Answer for a verifier that has failed: nobody is let in, and the log says where it was.

    What the exception says is left out, for it may quote the token.
    """
    if isinstance(error, StoreUnavailable):
        logger.info("refused a request, %s: %s", error.code, error)
        return refusal(error)
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("the verifier failed with %s\n%s", type(error).__name__, where)
    return _UNAVAILABLE


def bearer_token(scope: "Scope") -> str:
    """Return the one token of the `Authorization` header (RFC 6750, section 2.1); nowhere else is looked for one.

    Raises MissingToken, and InvalidRequest where the credentials have another form, or come twice.
    """
    fields = [value for name, value in scope["headers"] if name == b"authorization"]
    if not fields:
        raise MissingToken
    if len(fields) > 1:
        raise InvalidRequest("the request has more than one Authorization header")
    scheme, _, token = fields[0].partition(b" ")
    if scheme.lower() != b"bearer":
        raise MissingToken
    if not token or token.translate(None, _TOKEN68):
        raise InvalidRequest("what follows Bearer in the Authorization header is not one space and one token")
    if scope["query_string"] and "access_token" in _parameters(scope["query_string"]):
        raise InvalidRequest("the request carries a second token, in its query string")
    return str(token, "ascii")


def _parameters(query: bytes) -> Collection[str]:
    return parse_qs(query.decode("latin-1"), keep_blank_values=True)


def _private(send: "Send") -> "Send":
    """Keep the answer out of every cache (RFC 6750, section 5.3).

    An application with its own word on caching is heard; its answers are then kept apart by token.
    """

    def send_private(message: "Message") -> Awaitable[None]:
        if message["type"] == "http.response.start":
            headers = message.get("headers", ())
            has_its_own = any(name.lower() == b"cache-control" for name, _ in headers)
            message = {**message, "headers": [*headers, _VARY if has_its_own else _NO_STORE]}
        return send(message)

    return send_private


def _signed(token: str, error: AuthError) -> Mapping[str, Any]:
    """Return what a refused token says, once its signature has held; of any other, nothing is worth repeating."""
    if not isinstance(error, RefusedClaims | InsufficientScope):
        return {}
    try:
        return jws.payload(jws.read(token))
    except MalformedToken:
        return {}


def _digest(token: str) -> str:
    """Name a token in a log so that two lines about it can be told to belong together, and nothing else."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else "none"
