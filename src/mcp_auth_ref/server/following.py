"""Files that a running server follows: looked at once a second, and read again when they have changed.

What is read takes the place of what was there in one step. What cannot be read changes nothing: the server goes on with
what it has, says so in its log, and tries again at every look.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import anyio
import anyio.to_thread

from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.core.tokens import TokenVerifier, TrustedIssuers
from mcp_auth_ref.events import Event, Listener, nobody
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.trust import key_files, verifier_from

logger = logging.getLogger(__name__)

SECONDS = 1.0
"""How long there is between two looks."""
_SETTLED = 2.0  # seconds after which a write would show in the modification time, whatever the file system's grain

_T = TypeVar("_T")
_Fingerprint: TypeAlias = tuple[int, ...] | None


class Followed(Generic[_T]):
    """Follows files: `load` reads them anew, in a thread, and raises ConfigurationError; `take` puts that in place.

    `problem` is what stands in the way of the newest files, or None. `failed` hears of it once.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        load: Callable[[], _T],
        take: Callable[[_T], None],
        failed: Callable[[ConfigurationError], None],
        seconds: float = SECONDS,
    ) -> None:
        self.problem: ConfigurationError | None = None
        self._paths = tuple(paths)
        self._load = load
        self._take = take
        self._failed = failed
        self._seconds = seconds
        self._seen: tuple[_Fingerprint, ...] | None = None

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow the files for as long as this is open."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._follow)
            yield
            group.cancel_scope.cancel()

    async def _follow(self) -> None:
        while self._paths:
            await self.look()
            await anyio.sleep(self._seconds)

    async def look(self) -> None:
        """Look at the files; read them again if one has changed since the last look, or could not be used."""
        seen, settled = await anyio.to_thread.run_sync(self._fingerprints)
        if seen == self._seen and self.problem is None:
            return
        try:
            loaded = await anyio.to_thread.run_sync(self._load)
        except ConfigurationError as error:
            if str(error) != str(self.problem):
                logger.warning("what was read before goes on: %s", error)
                self._failed(error)
            self.problem = error
            return
        # Nothing is awaited from here on: no request sees one half of it.
        self._take(loaded)
        if self.problem is not None:
            logger.warning("%s: it can be used again", self.problem.setting)
        self.problem = None
        self._seen = seen if settled else None

    def _fingerprints(self) -> tuple[tuple[_Fingerprint, ...], bool]:
        """Return what tells one state of the files from another, and whether they have been left alone for a while."""
        seen = tuple(map(_fingerprint, self._paths))
        newest = max((each[2] for each in seen if each is not None), default=0)
        return seen, abs(time.time() - newest / 1e9) > _SETTLED


def _fingerprint(path: Path) -> _Fingerprint:
    """Take what changes when a file is written, replaced, or another one when a link is turned (`..data`)."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


class LiveKeys:
    """The keys of these settings as their files have them now. Raises ConfigurationError where they cannot be used.

    `replace` is told of each other verifier before anything is published: `VerifiedTokenCache.replace`. Each key that
    comes or goes is told as an event `rotate`; one that goes with the code `unknown_key`, which its tokens get from
    then on, and files that cannot be used with `configuration_error`.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time, tell: Listener = nobody) -> None:
        self.verifier = verifier_from(settings)
        self.replace: Callable[[TokenVerifier | TrustedIssuers], None] = lambda _: None
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._followed = Followed(
            key_files(settings), load=lambda: verifier_from(settings), take=self._take, failed=self._failed
        )
        self.following = self._followed.following
        self.look = self._followed.look

    @property
    def problem(self) -> ConfigurationError | None:
        """What stands in the way of the newest files; the keys before them go on."""
        return self._followed.problem

    @property
    def issuers(self) -> list[str]:
        """Whose tokens are accepted."""
        return [each.issuer for each in _verifiers(self.verifier)]

    @property
    def own(self) -> TokenVerifier | None:
        """The verifier of this server's own tokens, where it has keys of its own."""
        return next((each for each in _verifiers(self.verifier) if each.issuer == self._settings.issuer), None)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys of this server itself (RFC 7517)."""
        return {"keys": []} if self.own is None else self.own.keys.jwks()

    def _take(self, verifier: TokenVerifier | TrustedIssuers) -> None:
        before, after = _kids(self.verifier), _kids(verifier)
        if verifier != self.verifier:
            self.replace(verifier)
        self.verifier = verifier
        for kid in before - after:
            logger.warning("the key %s is gone, and its tokens with it", kid)
            self._tell(Event(kind="rotate", at=self._clock(), key=kid, code="unknown_key"))
        for kid in after - before:
            logger.warning("the key %s has come", kid)
            self._tell(Event(kind="rotate", at=self._clock(), key=kid))

    def _failed(self, error: ConfigurationError) -> None:
        self._tell(Event(kind="rotate", at=self._clock(), code=error.code))


def _verifiers(verifier: TokenVerifier | TrustedIssuers) -> tuple[TokenVerifier, ...]:
    return verifier.verifiers if isinstance(verifier, TrustedIssuers) else (verifier,)


def _kids(verifier: TokenVerifier | TrustedIssuers) -> frozenset[str]:
    return frozenset(key.kid for each in _verifiers(verifier) for key in each.keys.keys)
