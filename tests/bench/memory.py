"""Memory after a million verifications, and after a million different bad tokens."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenVerifier, VerifiedTokenCache
from tests.bench.measure import Row, resident
from tests.bench.tokens import ISSUER, RESOURCE, SECRET, sample_token

CALLS = 1_000_000


def rows() -> Iterator[Row]:
    """Report the growth of the resident set, in MiB; the ratio is after ÷ before."""
    key = SigningKey.from_secret(SECRET)
    token = sample_token(key)
    verifier = VerifiedTokenCache(TokenVerifier(ISSUER, RESOURCE, KeySet([key])))
    uncached = TokenVerifier(ISSUER, RESOURCE, KeySet([key]))
    now = time.time()
    header, payload, signature = token.split(".")

    def good(_: int) -> None:
        uncached.verify(token, now=now)
        verifier.verify(token, now=now)

    def bad(number: int) -> None:
        with suppress(InvalidToken):
            verifier.verify(f"{header}.{number:0{len(payload)}}.{signature}", now=now)

    def odd_header(number: int) -> None:
        with suppress(InvalidToken):
            verifier.verify(f"{number:0{len(header)}}.{payload}.{signature}", now=now)

    yield _grown("verifications", good)
    yield _grown("different bad tokens", bad)
    yield _grown("different bad headers", odd_header)


def _grown(name: str, call: Callable[[int], None]) -> Row:
    for number in range(CALLS // 20):
        call(number)
    before = resident()
    for number in range(CALLS):
        call(number)
        if sys.stderr.isatty() and number % 50_000 == 0:
            print(f"\r{name}: {number:,}", end="", file=sys.stderr)
    after = resident()
    return Row("memory", f"a million {name}", (after - before) / 2**20, "MiB more", "before", before / after)
