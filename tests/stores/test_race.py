"""A hundred callers with one refresh token, and a process that dies around the write."""

import signal
import subprocess
import sys
from contextlib import closing

import pytest

from mcp_auth_ref.core import jws
from mcp_auth_ref.core.errors import InvalidGrant, RefreshTokenReused
from mcp_auth_ref.core.grants import Family, RefreshPolicy, family_of
from mcp_auth_ref.refresh import Issued
from mcp_auth_ref.stores import Store, open_store
from tests.server.oauth import pair, refresh_tokens, secret_of
from tests.server.world import NOW
from tests.stores.test_contract import at_once

CHILD = """
import os, signal, sys
from tests.server.oauth import refresh_tokens
from mcp_auth_ref.stores import open_store

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

url, token, now, moment = sys.argv[1:]
tokens = refresh_tokens(open_store(url))
if moment == "before":
    tokens._store.replace = die
tokens.refresh(token, client_id="page", now=float(now), tell=die if moment == "after" else print)
"""


@pytest.mark.parametrize("grace", [10, 0])
def test_of_a_hundred_callers_one_gets_the_next_token(store: Store, grace: int) -> None:
    """RFC 9700, section 4.14.2. With a grace the others get an access token; without one they end the family."""
    token = secret_of(pair(store))
    tokens = refresh_tokens(store, policy=RefreshPolicy(grace=grace))

    def call(_: int) -> Issued | None:
        try:
            return tokens.refresh(token, client_id="page", now=NOW)
        except (RefreshTokenReused, InvalidGrant):
            return None

    answers = at_once(100, call)
    winners = [each for each in answers if each is not None and each.refresh_token]
    others = [each for each in answers if each is not None and not each.refresh_token]

    assert (len(winners), len(others)) == (1, 99 if grace else 0)
    assert (store.family(family_of(token), now=NOW) is not None) is (grace > 0)
    assert len({jws.payload(jws.read(each.access_token))["jti"] for each in (*winners, *others)}) == len(
        [*winners, *others]
    )


def test_an_answer_of_the_store_that_got_lost_costs_nobody_the_token(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our choice: a write that is repeated because its answer got lost finds its own result."""
    token = secret_of(pair(store))
    tokens = refresh_tokens(store)
    really = store.replace

    def lost(family: Family, *, now: float) -> bool:
        really(family, now=now)
        return False

    monkeypatch.setattr(store, "replace", lost)
    second = tokens.refresh(token, client_id="page", now=NOW)
    monkeypatch.undo()

    assert tokens.refresh(secret_of(second), client_id="page", now=NOW + 60).refresh_token


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_is_killed_around_the_write_neither_loses_nor_doubles_a_token(url: str, moment: str) -> None:
    """Our choice: what is written is spent, what is not written is not; the answer comes after the write."""
    if url == "memory:":
        pytest.skip("a store in memory ends with its process")
    with closing(open_store(url)) as store:
        token = secret_of(pair(store))
        child = subprocess.run([sys.executable, "-c", CHILD, url, token, str(NOW), moment], check=False)
        before = store.family(family_of(token), now=NOW)
        again = refresh_tokens(store).refresh(token, client_id="page", now=NOW + 1)

        assert child.returncode == -signal.SIGKILL
        assert before is not None
        assert (before.turn, again.refresh_token is None) == ((0, False) if moment == "before" else (1, True))
        with pytest.raises(RefreshTokenReused):
            refresh_tokens(store).refresh(token, client_id="page", now=NOW + 60)
