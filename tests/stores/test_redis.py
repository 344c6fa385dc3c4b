"""What is particular to the store in Redis: how long keys live, and what becomes of a server that goes and comes."""

import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from mcp_auth_ref.core.errors import StoreUnavailable
from mcp_auth_ref.refresh import DAY
from mcp_auth_ref.stores import Store, open_store
from tests.stores.servers import Valkey
from tests.stores.test_contract import FAMILY, NOW, SUBJECT, TOKEN, family, read, turned
from tests.stores.test_revocations import until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Valkey]:
    """Give a server of the test's own, to do to it what one likes."""
    server = Valkey(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def store(valkey: Valkey) -> Iterator[Store]:
    valkey.empty()
    with closing(open_store(valkey.url)) as opened:
        yield opened


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as opened:
        yield opened


def test_every_key_has_the_prefix_and_each_family_its_end(store: Store, client: "redis.Redis") -> None:
    """Our choice: others may use the same database, and what has expired goes by itself."""
    store.start(family(), now=NOW)
    store.start(replace(family("f2"), expires_at=NOW + 5000), now=NOW)
    store.replace(turned(family(), "digest-1"), now=NOW + 100)
    store.revoke(TOKEN, now=NOW)
    left = {key: round(int(client.pttl(key)) / 1000) for key in client.keys("*")}

    assert left == {
        "{mcp-auth-ref}:revocations": 0,
        "{mcp-auth-ref}:family:f1": 900,
        "{mcp-auth-ref}:family:f2": 5000,
        "{mcp-auth-ref}:families:http://127.0.0.1:8765 ada": 5000,
    }


def test_a_revoked_subject_leaves_no_key_of_its_families(store: Store, client: "redis.Redis") -> None:
    """Our choice: nothing is left to be found."""
    store.start(family(), now=NOW)
    store.revoke(SUBJECT, now=NOW)

    assert client.keys("*") == ["{mcp-auth-ref}:revocations"]


def test_a_subject_that_begins_family_after_family_is_not_remembered_with_all_of_them(
    store: Store, client: "redis.Redis"
) -> None:
    """CWE-400: a client with refresh tokens begins one with each token of its own, and goes on for years."""
    for day in range(10):
        begun = replace(family(f"f{day}"), started_at=NOW + day * DAY, expires_at=NOW + (day + 1) * DAY)
        store.start(begun, now=begun.started_at)

    assert client.zrange("{mcp-auth-ref}:families:http://127.0.0.1:8765 ada", 0, -1) == ["f8", "f9"]


def test_scripts_that_the_server_has_forgotten_are_sent_again(store: Store, client: "redis.Redis") -> None:
    """A restart empties the cache of scripts."""
    store.start(family(), now=NOW)
    client.script_flush()

    assert store.replace(turned(family(), "digest-1"), now=NOW)


def test_what_was_answered_outlives_a_kill_and_a_feed_goes_on_where_it_was(own: Valkey) -> None:
    """Our choice: with `appendonly yes`, as the tests' own server has it."""
    with closing(open_store(own.url)) as store, closing(store.feed()) as feed:
        store.start(family(), now=NOW)
        store.revoke(TOKEN, now=NOW)
        assert read(feed, 1) == [TOKEN]
        own.kill()
        for deed in (lambda: store.family("f1", now=NOW), lambda: feed.read(wait=0)):
            with pytest.raises(StoreUnavailable, match="Redis: ConnectionError"):
                deed()
        own.start()
        store.revoke(replace(FAMILY, name="f9"), now=NOW)

        assert read(feed, 1) == [replace(FAMILY, name="f9")]
        assert store.family("f1", now=NOW) == family()
        with closing(store.feed()) as fresh:
            assert read(fresh, 2) == [TOKEN, replace(FAMILY, name="f9")]


def test_a_server_that_hangs_is_given_up(own: Valkey) -> None:
    """Our choice: a second, and not asked twice."""
    with closing(open_store(own.url)) as store, closing(store.feed()) as feed:
        store.start(family(), now=NOW)
        own.send(signal.SIGSTOP)
        for deed in (lambda: store.family("f1", now=NOW), lambda: feed.read(wait=0.1)):
            with pytest.raises(StoreUnavailable, match="Redis: TimeoutError"):
                deed()
        own.send(signal.SIGCONT)

        until(lambda: store.family("f1", now=NOW) == family())


def test_what_is_not_ours_lets_nobody_in(store: Store, client: "redis.Redis") -> None:
    """Our choice: a revocation that cannot be read is not passed over."""
    client.xadd("{mcp-auth-ref}:revocations", {"revocation": "nonsense"})
    client.set("{mcp-auth-ref}:family:f1", "nonsense")

    with closing(store.feed()) as feed, pytest.raises(StoreUnavailable, match="something else where a revocation"):
        feed.read(wait=0)
    with pytest.raises(StoreUnavailable, match="something else where a family"):
        store.family("f1", now=NOW)


def test_a_family_of_a_newer_version_is_read(store: Store, client: "redis.Redis") -> None:
    """Our choice: replicas are replaced one after the other."""
    store.start(family(), now=NOW)
    document = str(client.get("{mcp-auth-ref}:family:f1"))
    client.set("{mcp-auth-ref}:family:f1", document.replace("{", '{"colour": "red", ', 1))

    assert store.family("f1", now=NOW) == family()


def test_a_password_of_the_url_is_in_no_error(own: Valkey) -> None:
    """Our choice: only the kind of an error is told."""
    url = own.url.replace("unix://", "unix://ada:sesame@")
    with closing(open_store(url)) as store, pytest.raises(StoreUnavailable) as refused:
        store.family("f1", now=NOW)

    assert str(refused.value) == "the store is not available: Redis: AuthenticationError"
