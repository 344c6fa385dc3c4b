import gc
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref import Claims, InvalidToken, KeySet, SigningKey, TokenVerifier, TrustedIssuers, VerifiedTokenCache
from mcp_auth_ref.core.errors import (
    BadSignature,
    MalformedToken,
    TokenExpired,
    TokenNotYetValid,
    TokenRevoked,
    TokenTooOld,
)
from tests.server.world import ISSUER, KEYS, NOW, RESOURCE, VERIFIER, token


class Counting:
    """A verifier that counts how often it had to do the whole work."""

    def __init__(self, verifier: TokenVerifier = VERIFIER) -> None:
        self.calls = 0
        self._verifier = verifier
        self.check_time = verifier.check_time
        self.window = verifier.window

    def verify(self, token: str, *, now: float) -> Claims:
        """Verify, and count it."""
        self.calls += 1
        return self._verifier.verify(token, now=now)


def test_a_token_is_verified_once() -> None:
    """Our choice: a signature does not change."""
    verifier = Counting()
    cache = VerifiedTokenCache(verifier)

    first, second = (cache.verify(token(), now=NOW + seconds) for seconds in (0, 1))

    assert first is second
    assert first == VERIFIER.verify(token(), now=NOW)
    assert verifier.calls == 1


def test_a_refusal_is_not_remembered() -> None:
    """Our choice: only successes are kept, so bad tokens cost no memory."""
    verifier = Counting()
    cache = VerifiedTokenCache(verifier)

    for _ in range(2):
        with pytest.raises(BadSignature):
            cache.verify(token(secret=b"another-secret-of-more-than-32-bytes"), now=NOW)

    assert verifier.calls == 2
    assert len(cache) == 0


def test_the_time_is_looked_at_on_each_hit() -> None:
    """RFC 7519, section 4.1.4, at the very second: `exp` and the leeway."""
    cache = VerifiedTokenCache(VERIFIER)
    cache.verify(token(), now=NOW)

    cache.verify(token(), now=NOW + 3600 + 29)
    with pytest.raises(TokenExpired):
        cache.verify(token(), now=NOW + 3600 + 30)


def test_a_clock_that_was_set_back_is_noticed_on_a_hit() -> None:
    """RFC 7519, section 4.1.6."""
    cache = VerifiedTokenCache(VERIFIER)
    cache.verify(token(), now=NOW)

    with pytest.raises(TokenNotYetValid):
        cache.verify(token(), now=NOW - 31)


def test_the_greatest_age_is_looked_at_on_each_hit() -> None:
    """Our choice: `max_age` bounds every token, cached or not."""
    cache = VerifiedTokenCache(TokenVerifier(ISSUER, RESOURCE, KEYS, leeway=0, max_age=60))
    cache.verify(token(), now=NOW)

    cache.verify(token(), now=NOW + 60)
    with pytest.raises(TokenTooOld):
        cache.verify(token(), now=NOW + 61)


@given(
    nbf=st.integers(-100, 100),
    lifetime=st.integers(1, 100),
    leeway=st.integers(0, 60),
    max_age=st.none() | st.integers(0, 100),
    seconds=st.integers(-200, 300),
)
def test_inside_the_window_the_time_check_has_nothing_to_say(
    nbf: int, lifetime: int, leeway: int, max_age: int | None, seconds: int
) -> None:
    """The cache skips `check_time` inside the window, so the window may never be wider than what that accepts."""
    verifier = TokenVerifier(ISSUER, RESOURCE, KEYS, leeway=leeway, max_age=max_age)
    claims = Claims({"iat": NOW, "nbf": NOW + nbf, "exp": NOW + lifetime})
    start, end = verifier.window(claims)

    if start <= NOW + seconds < end:
        verifier.check_time(claims, now=NOW + seconds)
    elif max_age is None:
        with pytest.raises(InvalidToken):
            verifier.check_time(claims, now=NOW + seconds)


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_revoked_token_is_refused_on_a_hit_and_on_a_miss(seen_before: bool) -> None:
    """RFC 7009, section 2: from the next request on."""
    revoked: set[str] = set()
    cache = VerifiedTokenCache(VERIFIER, revoked=lambda claims: claims.token_id in revoked)
    if seen_before:
        cache.verify(token(), now=NOW)
    revoked.add("JhAVKVcAcGQLn8Q1C2lFTg")

    with pytest.raises(TokenRevoked):
        cache.verify(token(), now=NOW)


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    """Our choice: memory stays flat, whatever comes."""
    verifier = Counting()
    cache = VerifiedTokenCache(verifier, size=2)
    tokens = [token(jti=f"token-{number}") for number in range(3)]
    for each in tokens:
        cache.verify(each, now=NOW)

    assert len(cache) == 2
    cache.verify(tokens[2], now=NOW)
    cache.verify(tokens[1], now=NOW)
    assert verifier.calls == 3
    cache.verify(tokens[0], now=NOW)
    assert verifier.calls == 4


def test_new_keys_empty_the_cache() -> None:
    """Our choice: a token of a retired key must not live on in memory."""
    cache = VerifiedTokenCache(VERIFIER)
    cache.verify(token(), now=NOW)

    cache.replace(
        TokenVerifier(ISSUER, RESOURCE, KeySet([SigningKey.from_secret(b"the-next-secret-that-takes-its-place")]))
    )

    assert len(cache) == 0
    with pytest.raises(BadSignature):
        cache.verify(token(), now=NOW)


def test_the_tokens_themselves_are_not_kept() -> None:
    """RFC 6750, section 5.3: a copy of the memory yields no credential."""
    cache = VerifiedTokenCache(VERIFIER)
    credential = token()
    cache.verify(credential, now=NOW)

    kept: list[object] = [cache]
    seen: set[int] = set()
    while kept:
        thing = kept.pop()
        if id(thing) not in seen and not isinstance(thing, type):
            seen.add(id(thing))
            assert thing != credential
            kept.extend(gc.get_referents(thing) if isinstance(thing, dict | tuple | list | VerifiedTokenCache) else ())


def test_one_changed_character_is_another_token() -> None:
    """Our choice: the digest is over all of the token, so a known signature opens no other payload."""
    cache = VerifiedTokenCache(VERIFIER)
    cache.verify(token(), now=NOW)
    header, payload, _ = token(sub="mallory").split(".")

    with pytest.raises(BadSignature):
        cache.verify(f"{header}.{payload}.{token().split('.')[2]}", now=NOW)


def test_text_that_no_encoding_takes_is_malformed() -> None:
    """Our choice: nothing but a documented InvalidToken comes out."""
    with pytest.raises(MalformedToken):
        VerifiedTokenCache(VERIFIER).verify("\ud800", now=NOW)


def test_several_issuers_are_cached_as_one() -> None:
    """Our choice: `TrustedIssuers` has the same methods."""
    cache = VerifiedTokenCache(TrustedIssuers((VERIFIER,)))
    cache.verify(token(), now=NOW)

    with pytest.raises(TokenExpired):
        cache.verify(token(), now=NOW + 7200)


def test_threads_may_share_a_small_cache() -> None:
    """Our choice: servers run synchronous handlers in threads."""
    cache = VerifiedTokenCache(VERIFIER, size=2)
    tokens = [token(jti=f"token-{number}") for number in range(8)]
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                for each in tokens:
                    cache.verify(each, now=NOW)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(cache) <= 2 + len(threads)
