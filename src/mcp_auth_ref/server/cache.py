"""A verified-token cache: most tokens come again, and their signature has not changed since.

Only successes are kept, under a digest of the token, so the cache holds no credential. Whether the time has come or
passed and whether the token has been revoked is looked at each time.
"""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol, TypeAlias

from mcp_auth_ref.core.errors import TokenRevoked
from mcp_auth_ref.core.tokens import Claims


class CacheableVerifier(Protocol):
    """A verifier that can look at the time of claims it has verified before: `TokenVerifier`, `TrustedIssuers`."""

    def verify(self, token: str, *, now: float) -> Claims:
        """Return what the token says. Raises InvalidToken."""

    def check_time(self, claims: Claims, *, now: float) -> None:
        """Refuse verified claims whose time has not come or has passed. Raises InvalidToken."""

    def window(self, claims: Claims) -> tuple[float, float]:
        """Return from when until before when `check_time` has nothing against verified claims."""


_Accepted: TypeAlias = tuple[Claims, float, float]  # and its window; taken apart quicker than a named tuple


class VerifiedTokenCache:
    """Verifies a token in full the first time, and by its digest from then on.

    `size` is how many tokens are remembered; the oldest goes first. `revoked` tells of claims whether the token has
    been taken back. The same `Claims` go to everyone who sends the token: treat what they hold as read-only. `hits` and
    `misses` count how often a token was known.
    """

    def __init__(
        self,
        verifier: CacheableVerifier,
        *,
        size: int = 4096,
        revoked: Callable[[Claims], bool] | None = None,
    ) -> None:
        self._size = size
        self._revoked = revoked
        self.hits = 0
        self.misses = 0
        self.replace(verifier)

    def replace(self, verifier: CacheableVerifier) -> None:
        """Verify with other keys from now on, and forget what the old ones have accepted."""
        # One assignment: a thread that is verifying still sees the old verifier together with the old memory.
        self._current = verifier, OrderedDict[bytes, _Accepted]()

    def __len__(self) -> int:
        return len(self._current[1])

    def verify(self, token: str, *, now: float) -> Claims:
        """Return what the token says. Raises InvalidToken."""
        verifier, memory = self._current
        digest = blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        accepted = memory.get(digest)
        if accepted is None:
            self.misses += 1
            claims = verifier.verify(token, now=now)
            memory[digest] = (claims, *verifier.window(claims))
            if len(memory) > self._size:
                memory.popitem(last=False)
        else:
            self.hits += 1
            claims, start, end = accepted
            if not start <= now < end:
                verifier.check_time(claims, now=now)
        if self._revoked is not None and self._revoked(claims):
            raise TokenRevoked
        return claims
