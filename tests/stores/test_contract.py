"""What every store does, asked of each."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

import pytest

from mcp_auth_ref.core.grants import Family, Revocation
from mcp_auth_ref.stores import Feed, Store

NOW = 1_795_000_000.0
ISSUER = "http://127.0.0.1:8765"
_Result = TypeVar("_Result")


def family(name: str = "f1", *, subject: str = "ada", issuer: str = ISSUER, started_at: float = NOW) -> Family:
    return Family(
        id=name,
        issuer=issuer,
        client_id="cli",
        subject=subject,
        audience=f"{ISSUER}/mcp",
        scopes=("mcp:tools:read", "mcp:tools:execute"),
        started_at=started_at,
        expires_at=started_at + 1000,
        rotated_at=started_at,
        current="digest-0",
        username="Ada",
    )


def turned(before: Family, current: str) -> Family:
    return replace(before, turn=before.turn + 1, current=current, previous=before.current)


TOKEN = Revocation("token", ISSUER, "t1", NOW, NOW + 100)
FAMILY = Revocation("family", ISSUER, "f1", NOW, NOW + 200)
SUBJECT = Revocation("subject", ISSUER, "ada", NOW, NOW + 300)


@pytest.fixture
def feed(store: Store) -> Iterator[Feed]:
    with closing(store.feed()) as opened:
        yield opened


def read(feed: Feed, count: int) -> list[Revocation]:
    """Read until so many have come."""
    found: list[Revocation] = []
    deadline = time.monotonic() + 30
    while len(found) < count and time.monotonic() < deadline:
        found += feed.read(wait=0.2)
    return found


def at_once(times: int, deed: Callable[[int], _Result]) -> list[_Result]:
    """Do it in so many threads that begin together; give what each returned."""
    start = threading.Barrier(times)
    results: list[_Result] = []
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            start.wait(30)
            results.append(deed(number))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return results


def test_a_feed_begins_with_the_oldest_and_goes_on_with_what_comes(store: Store, feed: Feed) -> None:
    """Our choice: a server that starts knows all, and then hears of each."""
    store.revoke(TOKEN, now=NOW)
    store.revoke(FAMILY, now=NOW)
    first = read(feed, 2)
    store.revoke(SUBJECT, now=NOW)

    assert (first, read(feed, 1), list(feed.read(wait=0))) == ([TOKEN, FAMILY], [SUBJECT], [])


def test_a_feed_wakes_up_when_something_is_revoked(store: Store, feed: Feed) -> None:
    """Our choice: nobody waits for the end of a period."""
    heard: list[Revocation] = []
    thread = threading.Thread(target=lambda: heard.extend(read(feed, 1)))
    thread.start()
    store.revoke(TOKEN, now=NOW)
    thread.join(30)

    assert heard == [TOKEN]


def test_each_feed_hears_everything(store: Store) -> None:
    """Our choice: replicas do not take revocations from one another."""
    with closing(store.feed()) as one, closing(store.feed()) as other:
        store.revoke(TOKEN, now=NOW)

        assert (read(one, 1), read(other, 1)) == ([TOKEN], [TOKEN])


def test_a_family_is_given_back_as_it_was_written(store: Store) -> None:
    """Our choice: nothing is rounded, nothing is lost."""
    store.start(family(), now=NOW)

    assert store.family("f1", now=NOW) == family()
    assert store.family("f2", now=NOW) is None


def test_a_family_that_has_expired_is_not_there(store: Store) -> None:
    """RFC 6749, section 5.2: expired is invalid."""
    store.start(family(), now=NOW)

    assert store.family("f1", now=NOW + 999.9) == family()
    assert store.family("f1", now=NOW + 1000) is None


def test_the_next_turn_replaces_the_one_before_and_no_other(store: Store) -> None:
    """RFC 9700, section 4.14.2: a spent token has one successor."""
    store.start(family(), now=NOW)
    second = turned(family(), "digest-1")

    assert store.replace(second, now=NOW)
    assert not store.replace(turned(family(), "digest-2"), now=NOW)
    assert store.family("f1", now=NOW) == second
    assert not store.replace(turned(family("f2"), "digest-1"), now=NOW)
    assert store.family("f2", now=NOW) is None


def test_of_a_hundred_callers_one_replaces(store: Store) -> None:
    """RFC 9700, section 4.14.2: a race has one winner."""
    store.start(family(), now=NOW)

    won = at_once(100, lambda number: store.replace(turned(family(), f"digest-{number}"), now=NOW))

    assert sorted(won) == [False] * 99 + [True]


def test_a_revoked_family_is_gone_and_cannot_be_replaced(store: Store) -> None:
    """RFC 7009, section 2.1, also where the revocation comes between a look and the write."""
    store.start(family(), now=NOW)
    store.start(family("f2"), now=NOW)
    store.revoke(FAMILY, now=NOW)

    assert store.family("f1", now=NOW) is None
    assert not store.replace(turned(family(), "digest-1"), now=NOW)
    assert store.family("f2", now=NOW) == family("f2")


def test_a_revoked_subject_loses_the_families_that_began_before(store: Store) -> None:
    """Our choice: who signs in again afterwards stays in."""
    others = [family("later", started_at=NOW + 1), family("bob", subject="bob"), family("far", issuer="https://far")]
    for each in [family(), family("f2"), *others]:
        store.start(each, now=NOW)
    store.revoke(SUBJECT, now=NOW)

    assert [store.family(name, now=NOW) for name in ("f1", "f2")] == [None, None]
    assert [store.family(each.id, now=NOW + 1) for each in others] == others


def test_a_revocation_of_another_issuer_ends_no_family(store: Store) -> None:
    """Our choice: two issuers may use one name."""
    store.start(family(), now=NOW)
    for revocation in (FAMILY, SUBJECT):
        store.revoke(replace(revocation, issuer="https://far"), now=NOW)

    assert store.family("f1", now=NOW) == family()


def test_what_has_expired_is_swept_and_nothing_else(store: Store) -> None:
    """Our choice: a store does not grow for ever."""
    for revocation in (TOKEN, FAMILY, SUBJECT):
        store.revoke(revocation, now=NOW)

    assert [store.sweep(now=NOW + seconds) for seconds in (99, 200, 200)] == [0, 2, 0]
    with closing(store.feed()) as feed:
        assert read(feed, 1) == [SUBJECT]
    assert [store.sweep(now=NOW + 300), store.sweep(now=NOW + 300)] == [1, 0]


def test_a_feed_of_many_loses_none(store: Store, feed: Feed) -> None:
    """Our choice: more than one answer holds is read in several."""
    revocations = [replace(TOKEN, name=f"t{number}") for number in range(300)]

    def revoke(number: int) -> None:
        for revocation in revocations[number::10]:
            store.revoke(revocation, now=NOW)

    at_once(10, revoke)

    assert sorted(each.name for each in read(feed, 300)) == sorted(each.name for each in revocations)
