"""A token that refreshes itself: ahead of its end, once for all who wait, and kept before it is used.

The dangerous moment of a rotation is a refresh whose answer gets lost: the old refresh token may be spent, the new one
never came, and to send the old one again may look to the server as if a thief did (RFC 9700, section 4.14.2). So that
is never done by itself.
"""

import logging
import math
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from inspect import isawaitable, iscoroutine
from typing import TypeAlias
from urllib.parse import quote_plus

import anyio
import httpx2

from mcp_auth_ref.client.answers import Answer, document_of, refusal_of, retry_after, shown
from mcp_auth_ref.client.exchange import failure_of
from mcp_auth_ref.client.origins import checked_address
from mcp_auth_ref.client.sources import usable
from mcp_auth_ref.core.errors import (
    AuthError,
    CallFailed,
    CallRefused,
    ConfigurationError,
    DeadlinePassed,
    InvalidGrant,
    RefreshUncertain,
    UnexpectedAnswer,
    Unreachable,
)

logger = logging.getLogger(__name__)

MARGIN = 60.0
DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token, the refresh token beside it, and when the first expires (seconds since 1970, by our clock)."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float = 0.0


Save: TypeAlias = Callable[[TokenPair], Awaitable[None] | None]


class RefreshingToken:
    """A source of tokens that refreshes them at a token endpoint (RFC 6749, section 6).

    `token_endpoint` is https, or http on this machine. `pair` is what was kept last. `save` keeps each new pair, and
    the pair is not used before that has gone well; a `save` that fails is tried again with the next request, without
    another refresh. An access token is refreshed `margin` seconds before it expires, and when the server calls it
    expired. Many calls at once refresh once; a call that is cancelled meanwhile does not cut the refresh off.

    Where a refresh fails, the access token serves until it expires or is refused; only then the failure is raised.
    InvalidGrant: the refresh token is good for nothing, somebody has to sign in again, and no more is asked.
    RefreshUncertain: the answer got lost, and no more is asked before `try_again` allows it. Both are logged as soon as
    they come. CallFailed: nothing was done, and the next request asks again.
    """

    def __init__(
        self,
        token_endpoint: str,
        pair: TokenPair,
        *,
        client_id: str,
        client_secret: str | None = None,
        save: Save,
        margin: float = MARGIN,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = checked_address(token_endpoint, "token_endpoint")
        self._client_id = client_id
        self._client_secret = client_secret
        self._save = save
        self._margin = margin
        self._clock = clock
        self._pair = pair
        self._due_at = pair.expires_at - margin
        self._unsaved: TokenPair | None = None
        self._failure: InvalidGrant | RefreshUncertain | None = None
        self._lock = threading.Lock()
        self._lock_async = anyio.Lock()

    def __repr__(self) -> str:
        return f"RefreshingToken({str(self._endpoint)!r})"

    def try_again(self) -> None:
        """Allow one more attempt after RefreshUncertain; if the token was spent, the server may end its family."""
        if isinstance(self._failure, RefreshUncertain):
            self._failure = None

    def token(self, refused: str | None) -> str:
        """Return an access token, refreshed if need be. Raises InvalidGrant, CallFailed and what `save` raises."""
        with self._lock:
            try:
                if self._is_due(refused):
                    self._unsaved = self._judge(self._ask())
            except (CallFailed, InvalidGrant) as error:
                return self._serving(refused, error)
            if self._unsaved is not None and isawaitable(kept := self._save(self._unsaved)):
                _discard(kept)
                raise ConfigurationError("save", "it is asynchronous, and this client is not", "Give it a plain one")
            return self._use()

    async def token_async(self, refused: str | None) -> str:
        """Return an access token, refreshed if need be. Raises InvalidGrant, CallFailed and what `save` raises."""
        async with self._lock_async:
            with anyio.CancelScope(shield=True):
                try:
                    if self._is_due(refused):
                        self._unsaved = self._judge(await self._ask_async())
                except (CallFailed, InvalidGrant) as error:
                    return self._serving(refused, error)
                if self._unsaved is not None and isawaitable(kept := self._save(self._unsaved)):
                    await kept
            return self._use()

    def _is_due(self, refused: str | None) -> bool:
        if self._unsaved is not None:
            return False
        return refused == self._pair.access_token or self._clock() >= self._due_at

    def _serving(self, refused: str | None, error: AuthError) -> str:
        """Return the access token that is there, if nothing speaks against it. Raises what kept it from a refresh."""
        if refused == self._pair.access_token or self._clock() >= self._pair.expires_at:
            raise error
        return self._pair.access_token

    def _use(self) -> str:
        if self._unsaved is not None:
            self._pair, self._unsaved = self._unsaved, None
        return self._pair.access_token

    def _ask(self) -> Answer | CallFailed:
        self._check()
        asked_at = time.time()
        try:
            with httpx2.Client(timeout=DEADLINE, trust_env=self._trusts_proxies) as http:
                response = http.post(self._endpoint, data=self._form(), auth=self._credentials())
        except httpx2.RequestError as error:
            return failure_of(error, str(self._endpoint), DEADLINE)
        return _answer(response, asked_at)

    async def _ask_async(self) -> Answer | CallFailed:
        self._check()
        asked_at = time.time()
        try:
            with anyio.move_on_after(DEADLINE):
                async with httpx2.AsyncClient(timeout=DEADLINE, trust_env=self._trusts_proxies) as http:
                    response = await http.post(self._endpoint, data=self._form(), auth=self._credentials())
                return _answer(response, asked_at)
        except httpx2.RequestError as error:
            return failure_of(error, str(self._endpoint), DEADLINE)
        return DeadlinePassed(DEADLINE)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _judge(self, outcome: Answer | CallFailed) -> TokenPair:
        now = self._clock()
        try:
            pair = _pair_of(outcome, self._pair.refresh_token, now=now)
        except (InvalidGrant, RefreshUncertain) as error:
            self._failure = error
            logger.warning("%s: %s. %s", error.code, error, error.cure)
            raise
        # A token that lives no longer than the margin is refreshed halfway, and not with each request.
        self._due_at = pair.expires_at - min(self._margin, (pair.expires_at - now) / 2)
        return pair

    def _form(self) -> dict[str, str]:
        known = {"grant_type": "refresh_token", "refresh_token": self._pair.refresh_token}
        return known if self._client_secret is not None else {**known, "client_id": self._client_id}

    def _credentials(self) -> httpx2.Auth:
        """Say who asks, encoded as a form is (RFC 6749, section 2.3.1)."""
        if self._client_secret is None:
            return httpx2.Auth()
        return httpx2.BasicAuth(quote_plus(self._client_id), quote_plus(self._client_secret))

    @property
    def _trusts_proxies(self) -> bool:
        return self._endpoint.scheme == "https"


def _pair_of(outcome: Answer | CallFailed, refresh_token: str, *, now: float) -> TokenPair:
    """Return the pair that a token endpoint has answered with (RFC 6749, section 5).

    Without a new refresh token the old one stays. Raises InvalidGrant, RefreshUncertain where the old one may be spent
    and no new one came, and CallFailed where nothing was done.
    """
    if isinstance(outcome, Unreachable):
        raise outcome
    if isinstance(outcome, CallFailed):
        raise RefreshUncertain(str(outcome)) from outcome
    if outcome.is_success:
        return _issued(outcome, refresh_token, now=now)
    if outcome.status in (400, 401):
        raise _refusal(outcome, refresh_token)
    if outcome.status >= 500 and retry_after(outcome) is None:
        raise RefreshUncertain(f"the token endpoint answered HTTP {outcome.status}")
    raise refusal_of(outcome, refresh_token)


def _issued(answer: Answer, refresh_token: str, *, now: float) -> TokenPair:
    try:
        match {"refresh_token": refresh_token, "expires_in": math.inf, **document_of(answer)}:
            case {"access_token": str(token), "refresh_token": str(renewed), "expires_in": int() | float() as seconds}:
                return TokenPair(usable(token, "access_token"), renewed, now + seconds)
    except (UnexpectedAnswer, ConfigurationError):
        pass
    raise RefreshUncertain("the token endpoint answered with no pair of tokens")


def _refusal(answer: Answer, refresh_token: str) -> AuthError:
    """Return what an error of OAuth's own form stands for (RFC 6749, section 5.2)."""
    document = document_of(answer)
    error, description = document.get("error"), document.get("error_description")
    detail = shown(description, refresh_token) if isinstance(description, str) else "it says no more"
    if error == InvalidGrant.code:
        return InvalidGrant(detail)
    return CallRefused(answer.status, shown(error, refresh_token) if isinstance(error, str) else None, detail)


def _answer(response: httpx2.Response, asked_at: float) -> Answer:
    url = str(response.request.url)
    return Answer(response.status_code, response.headers, response.content, url, asked_at, time.time())


def _discard(given: object) -> None:
    if iscoroutine(given):
        given.close()
