"""The revocations in memory: what is refused, how long a store may be silent, and what is forgotten when."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mcp_auth_ref.core.errors import StoreUnavailable
from mcp_auth_ref.core.grants import Revocation
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.stores import Feed, Store, open_store
from mcp_auth_ref.stores import revocations as module
from mcp_auth_ref.stores.memory import MemoryStore
from mcp_auth_ref.stores.revocations import Revocations
from tests.server.world import ISSUER, NOW, Clock

TOKEN = Revocation("token", ISSUER, "t1", NOW, NOW + 100)
PAYLOAD: dict[str, Any] = {"iss": ISSUER, "sub": "ada", "jti": "t1", "sid": "f1", "iat": NOW}
CLAIMS = Claims(PAYLOAD)


def known(store: Store, *, stale: float = 10, elapsed: Callable[[], float] = time.monotonic) -> Revocations:
    return Revocations(store, stale=stale, elapsed=elapsed, clock=Clock())


def until(fact: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline, "it has not come to be in 30 seconds"
        time.sleep(0.01)


@dataclass
class Failing:
    """A feed that fails while it is told to."""

    feed: Feed
    fails: bool = False

    def read(self, *, wait: float) -> Sequence[Revocation]:
        """Fail, or read."""
        if self.fails:
            raise StoreUnavailable("it was unplugged")
        return self.feed.read(wait=wait)

    def close(self) -> None:
        """Close it."""
        self.feed.close()


@pytest.mark.parametrize(
    ("revocation", "is_revoked"),
    [
        (TOKEN, True),
        (replace(TOKEN, name="t2"), False),
        (replace(TOKEN, issuer="https://far.example"), False),
        (replace(TOKEN, kind="family", name="f1"), True),
        (replace(TOKEN, kind="family", name="t1"), False),
        (replace(TOKEN, kind="subject", name="ada"), True),
        (replace(TOKEN, kind="subject", name="ada", at=NOW - 1), False),
        (replace(TOKEN, kind="subject", name="bob"), False),
    ],
)
def test_a_revocation_concerns_what_it_names_and_nothing_else(revocation: Revocation, is_revoked: bool) -> None:
    """RFC 7009, section 2.1; of a subject, all that was issued up to that second."""
    revocations = known(open_store("memory:"))
    revocations.revoke(revocation)
    revocations.load()

    assert revocations.is_revoked(CLAIMS) is is_revoked


def test_of_two_revocations_of_a_subject_the_later_counts() -> None:
    """Our choice: they may arrive in any order."""
    revocations = known(open_store("memory:"))
    for at in (NOW, NOW - 50):
        revocations.revoke(replace(TOKEN, kind="subject", name="ada", at=at))
    revocations.load()

    assert revocations.is_revoked(CLAIMS)


def test_a_token_without_a_family_is_in_no_revoked_family() -> None:
    """RFC 9068: `sid` is no claim that every token has."""
    revocations = known(open_store("memory:"))
    revocations.revoke(replace(TOKEN, kind="family", name="f1"))
    revocations.load()

    assert not revocations.is_revoked(Claims({**PAYLOAD, "sid": None}))


def test_before_anything_is_known_nobody_is_let_in() -> None:
    """Our choice: fail closed."""
    with pytest.raises(StoreUnavailable):
        known(open_store("memory:")).is_revoked(CLAIMS)


def test_another_process_is_heard_of_at_once(store: Store) -> None:
    """Our choice: from the next request on, on each replica."""
    revocations = known(store)
    with revocations.followed():
        until(lambda: revocations.is_current)
        assert not revocations.is_revoked(CLAIMS)
        store.revoke(TOKEN, now=NOW)
        until(lambda: revocations.is_revoked(CLAIMS))


def test_a_silent_store_is_borne_with_for_so_long_and_then_nobody_is_let_in_until_it_speaks_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our choice: bounded staleness, and recovery without anybody's help."""
    store, elapsed = MemoryStore(), Clock(0)
    plug = Failing(store.feed())
    monkeypatch.setattr(store, "feed", lambda: plug)
    revocations = known(store, elapsed=elapsed)
    with caplog.at_level(logging.WARNING), revocations.followed():
        until(lambda: revocations.is_current)
        plug.fails = True
        until(lambda: "it was unplugged" in caplog.text)
        elapsed.now = 10
        assert not revocations.is_revoked(CLAIMS)
        elapsed.now = 10.1
        with pytest.raises(StoreUnavailable, match="silent for more than 10 seconds"):
            revocations.is_revoked(CLAIMS)
        plug.fails = False
        until(lambda: revocations.is_current)
        assert not revocations.is_revoked(CLAIMS)

    assert [record.message for record in caplog.records] == [
        "the store is not available: it was unplugged",
        "the store answers again",
    ]


def test_what_has_expired_is_forgotten_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our choice: memory does not grow for ever; an expired token is refused for that."""
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0)
    store, clock = MemoryStore(), Clock()
    revocations = Revocations(store, stale=10, elapsed=time.monotonic, clock=clock)
    store.revoke(replace(TOKEN, until=NOW + 1000), now=NOW)
    store.revoke(replace(TOKEN, name="t2"), now=NOW)
    revocations.load()
    clock.now = NOW + 300
    with revocations.followed():
        until(lambda: not revocations.is_revoked(Claims({**PAYLOAD, "jti": "t2"})))

        assert revocations.is_revoked(CLAIMS)
        assert store.sweep(now=NOW + 300) == 0
