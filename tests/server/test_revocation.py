"""A revoked token at the whole server, and a store that is not there."""

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mcp_auth_ref.core.grants import Revocation
from mcp_auth_ref.stores import open_store
from tests.server.world import ISSUER, NOW, post, server, token
from tests.stores.servers import Valkey
from tests.stores.test_revocations import until

TOKEN = Revocation("token", ISSUER, "JhAVKVcAcGQLn8Q1C2lFTg", NOW, NOW + 3600)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    started = Valkey(tmp_path)
    yield started
    started.kill()


def test_a_token_that_another_process_has_revoked_is_refused_and_told_why(tmp_path: Path) -> None:
    """RFC 7009, section 2, and our choice: at once, without a question to the store."""
    url = f"sqlite:///{tmp_path}/store.db"
    with server(store_url=url) as client, closing(open_store(url)) as store:
        before = post(client, "tools/list", credential=token()).status_code
        store.revoke(TOKEN, now=NOW)
        until(lambda: post(client, "tools/list", credential=token()).status_code != 200)
        refused = post(client, "tools/list", credential=token())
        other = post(client, "tools/list", credential=token(jti="another")).status_code

    assert (before, refused.status_code, refused.json()["code"], other) == (200, 401, "token_revoked", 200)


def test_a_server_that_starts_knows_what_was_revoked_before(tmp_path: Path) -> None:
    """Our choice: a restart gives no token its life back."""
    url = f"sqlite:///{tmp_path}/store.db"
    with closing(open_store(url)) as store:
        store.revoke(TOKEN, now=NOW)

    with server(store_url=url) as client:
        assert post(client, "tools/list", credential=token()).json()["code"] == "token_revoked"


def test_while_the_store_is_silent_nobody_is_let_in_and_then_it_recovers_by_itself(valkey: Valkey) -> None:
    """Our choice: fail closed after a bounded time, with an answer that says so, for calls and for probes."""
    with server(store_url=valkey.url, store_stale_secs=3, rate_limit_enabled=False) as client:
        until(lambda: client.get("/ready").status_code == 200)
        assert post(client, "tools/list", credential=token()).status_code == 200
        valkey.send(signal.SIGSTOP)
        until(lambda: client.get("/ready").status_code == 503)
        refused, ready = post(client, "tools/list", credential=token()), client.get("/ready")
        valkey.send(signal.SIGCONT)
        until(lambda: client.get("/ready").status_code == 200)
        again = post(client, "tools/list", credential=token())

    assert (refused.status_code, refused.headers["retry-after"], refused.json()) == (
        503,
        "5",
        {
            "type": "https://mcp-auth-ref.github.io/reference/errors/#store_unavailable",
            "title": "Store unavailable",
            "status": 503,
            "detail": "the store is not available: it has been silent for more than 3 seconds",
            "code": "store_unavailable",
        },
    )
    assert ready.json() == {
        "status": "waiting",
        "authentication": "enabled",
        "servers": {"connected": 1, "total": 1},
        "store": "unavailable",
    }
    assert again.status_code == 200


def test_a_server_starts_before_its_store_and_lets_nobody_in_until_that_answers(valkey: Valkey) -> None:
    """Our choice: the order in which things start does not matter."""
    valkey.kill()
    with server(store_url=valkey.url) as client:
        refused = post(client, "tools/list", credential=token())
        ready = client.get("/ready").status_code
        valkey.start()
        until(lambda: client.get("/ready").status_code == 200)

        assert (refused.status_code, ready) == (503, 503)
        assert post(client, "tools/list", credential=token()).status_code == 200


def test_without_authentication_there_is_no_store(tmp_path: Path) -> None:
    """Our choice: nothing is opened that nothing uses."""
    with server(auth_enabled=False, store_url=f"sqlite:///{tmp_path}/store.db") as client:
        assert "store" not in client.get("/ready").json()
    assert list(tmp_path.iterdir()) == []
