"""The revocations as one process knows them: a look into memory for each request, and a thread that keeps it current.

What has been revoked is refused; and while nobody can tell, because the store has been silent for too long, everything
is: a store that is gone must not give a stolen token its life back.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from threading import Event as Signal
from threading import Lock, Thread

from mcp_auth_ref.core.errors import StoreUnavailable
from mcp_auth_ref.core.grants import Revocation
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.stores import Store, open_store

logger = logging.getLogger(__name__)

WAIT_SECONDS = 0.5
RETRY_SECONDS = 0.2
SWEEP_SECONDS = 600.0


def opened(url: str, *, stale: float, elapsed: Callable[[], float], clock: Callable[[], float]) -> "Revocations":
    """Open a store and learn what has been revoked so far. Raises ConfigurationError.

    A store that does not answer yet is asked again by whoever follows, and until then nobody is let in.
    """
    revocations = Revocations(open_store(url), stale=stale, elapsed=elapsed, clock=clock)
    with suppress(StoreUnavailable):
        revocations.load()
    return revocations


class _OfIssuer:
    """What is revoked of one issuer; each token and family with when it may be forgotten, in whole minutes."""

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}
        self.families: dict[str, int] = {}
        self.subjects: dict[str, float] = {}
        self._minutes: dict[int, int] = {}

    def add(self, revocation: Revocation) -> None:
        """Know one more."""
        if revocation.kind == "subject":
            before = self.subjects.get(revocation.name, revocation.at)
            self.subjects[revocation.name] = max(before, revocation.at)
            return
        minute = int(revocation.until // 60) + 1
        names = self.tokens if revocation.kind == "token" else self.families
        # One number stands for the same minute everywhere: a million of them would weigh as much as the names.
        names[revocation.name] = self._minutes.setdefault(minute, minute)

    def forget(self, minute: int) -> None:
        """Forget the tokens and families whose time was up at that minute."""
        for names in (self.tokens, self.families):
            for name in [name for name, until in names.items() if until <= minute]:
                del names[name]
        self._minutes = {each: each for each in self._minutes if each > minute}


class Revocations:
    """Tells of verified claims whether they have been revoked, in less than a microsecond and without asking a store.

    `stale` is how many seconds the store may be silent before everything is refused. `elapsed` is a clock that only
    goes forward, `clock` says the time.
    """

    def __init__(self, store: Store, *, stale: float, elapsed: Callable[[], float], clock: Callable[[], float]) -> None:
        self.store = store
        self._feed = store.feed()
        self._stale = stale
        self._elapsed = elapsed
        self._clock = clock
        self._known: dict[str, _OfIssuer] = {}
        self._heard_at = float("-inf")
        self._swept_at = elapsed()
        self._learning = Lock()
        self._ended = Signal()

    @property
    def is_current(self) -> bool:
        """Tell whether the store has been heard of lately."""
        return self.age <= self._stale

    @property
    def age(self) -> float:
        """Return how many seconds ago the store was heard of; infinity before the first time."""
        return self._elapsed() - self._heard_at

    def is_revoked(self, claims: Claims) -> bool:
        """Tell whether a verified token has been revoked, by itself, with its family or with its subject's.

        Raises StoreUnavailable while nobody can tell.
        """
        if self._elapsed() - self._heard_at > self._stale:
            raise StoreUnavailable(f"it has been silent for more than {self._stale:g} seconds")
        payload = claims.payload
        known = self._known.get(payload["iss"])
        return known is not None and (
            payload["jti"] in known.tokens
            or payload.get("sid") in known.families
            or payload["iat"] <= known.subjects.get(payload["sub"], -1)
        )

    def revoke(self, revocation: Revocation) -> None:
        """Write a revocation, and know of it at once. Raises StoreUnavailable."""
        self.store.revoke(revocation, now=self._clock())
        self._learn(revocation)

    def load(self) -> None:
        """Learn all there is to know at this moment. Raises StoreUnavailable."""
        asked_at = self._elapsed()
        while revocations := self._feed.read(wait=0):
            for revocation in revocations:
                self._learn(revocation)
        self._heard_at = asked_at

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Learn of each further revocation as it happens while the block lasts, and then close the store."""
        with closing(self.store), self.followed():
            yield

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Learn of each further revocation as it happens, in a thread that ends with the block."""
        thread = Thread(target=self._follow, name="revocations", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._feed.close()
            thread.join()

    def _follow(self) -> None:
        was_silent = False
        while not self._ended.is_set():
            try:
                self.load()
                self._sweep()
                for revocation in self._feed.read(wait=WAIT_SECONDS):
                    self._learn(revocation)
            except StoreUnavailable as error:
                if not was_silent and not self._ended.is_set():
                    logger.error("%s", error)  # noqa: TRY400 - it says all there is
                was_silent = True
                self._ended.wait(RETRY_SECONDS)
            else:
                if was_silent:
                    logger.warning("the store answers again")
                was_silent = False

    def _learn(self, revocation: Revocation) -> None:
        known = self._known.get(revocation.issuer) or self._known.setdefault(revocation.issuer, _OfIssuer())
        with self._learning:
            known.add(revocation)

    def _sweep(self) -> None:
        if self._elapsed() - self._swept_at < SWEEP_SECONDS:
            return
        self._swept_at = self._elapsed()
        now = self._clock()
        for known in self._known.copy().values():
            with self._learning:
                known.forget(int(now // 60))
        with suppress(StoreUnavailable):
            self.store.sweep(now=now)
