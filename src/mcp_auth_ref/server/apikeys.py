"""API keys at the door: beside tokens, in the same header, and in a second one where a setting names it."""

import logging
import string
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from mcp_auth_ref.core.apikeys import ApiKey, ApiKeys, is_api_key
from mcp_auth_ref.core.errors import ConfigurationError, InvalidRequest
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.events import Event, Listener, nobody
from mcp_auth_ref.server.following import Followed
from mcp_auth_ref.server.observed import event_of
from mcp_auth_ref.server.problems import challenge
from mcp_auth_ref.server.resource import Verifier
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.trust import api_keys_from

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

_CHARACTERS = (string.ascii_letters + string.digits + "_").encode()


class TokensAndApiKeys:
    """Verifies an access token with `tokens`, and with `api_keys` what begins as an API key does."""

    def __init__(self, tokens: Verifier, api_keys: Verifier) -> None:
        self._tokens = tokens
        self._api_keys = api_keys

    def verify(self, token: str, *, now: float) -> Claims:
        """Return what the credential allows. Raises InvalidToken."""
        return (self._api_keys if is_api_key(token) else self._tokens).verify(token, now=now)


class LiveApiKeys:
    """The API keys of these settings as their file has them now. Raises ConfigurationError where it cannot be used."""

    def __init__(
        self,
        settings: Settings,
        *,
        is_revoked: Callable[[Claims], bool] | None = None,
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._keys = ApiKeys(
            api_keys_from(settings), issuer=settings.issuer, resource=settings.resource_url, is_revoked=is_revoked
        )
        self._clock = clock
        self._tell = tell
        self._followed: Followed[tuple[ApiKey, ...]] = Followed(
            [settings.api_keys_file] if settings.api_keys_file else [],
            load=lambda: api_keys_from(settings),
            take=self._keys.replace,
            failed=self._failed,
        )
        self.verify = self._keys.verify
        self.following = self._followed.following
        self.look = self._followed.look

    @property
    def problem(self) -> ConfigurationError | None:
        """What stands in the way of the newest file; the keys before it go on."""
        return self._followed.problem

    def _failed(self, error: ConfigurationError) -> None:
        self._tell(Event(kind="rotate", at=self._clock(), code=error.code))


class ApiKeyHeader:
    """Take an API key from a header of its own, for machines that cannot send `Authorization`.

    It goes on as if it had come as `Authorization: Bearer`. Whoever sends both, or something else than an API key, is
    answered 400: a server that chooses among credentials chooses for whoever put the second one there.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        header: str,
        metadata_url: str,
        challenge_scopes: Collection[str],
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._app = app
        self._header = header
        self._name = header.lower().encode("ascii")
        self._metadata_url = metadata_url
        self._scopes = tuple(challenge_scopes)
        self._clock = clock
        self._tell = tell

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request on, with its API key in the one place where it is looked for."""
        try:
            admitted = self._in_its_place(scope) if scope["type"] == "http" else scope
        except InvalidRequest as error:
            logger.info("refused a request, %s: %s", error.code, error)
            self._tell(event_of(scope, "refuse", at=self._clock(), code=error.code))
            await challenge(error, metadata_url=self._metadata_url, scopes=self._scopes)(scope, receive, send)
        else:
            await self._app(admitted, receive, send)

    def _in_its_place(self, scope: "Scope") -> "Scope":
        given = [value for name, value in scope["headers"] if name == self._name]
        if not given:
            return scope
        if len(given) > 1 or any(name == b"authorization" for name, _ in scope["headers"]):
            raise InvalidRequest(f"the request has more than one credential: {self._header} comes alone and once")
        if given[0].translate(None, _CHARACTERS) or not is_api_key(given[0].decode("ascii")):
            raise InvalidRequest(f"what {self._header} carries is no API key")
        others = [field for field in scope["headers"] if field[0] != self._name]
        return {**scope, "headers": [*others, (b"authorization", b"Bearer " + given[0])]}
