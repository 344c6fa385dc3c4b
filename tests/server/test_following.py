"""A running server and the files of its keys."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_auth_ref import KeySet, Settings, SigningKey, keyfiles
from mcp_auth_ref.core.errors import ConfigurationError, InvalidToken
from mcp_auth_ref.core.tokens import TokenVerifier
from mcp_auth_ref.events import Event
from mcp_auth_ref.server.cache import VerifiedTokenCache
from mcp_auth_ref.server.following import Followed, LiveKeys
from tests.server.world import NOW, Clock, bearer, server, token
from tests.tokens import KEYS, SECRET

OTHER = b"another-one-that-takes-the-first-one's-place"
OLD, NEW = SigningKey.from_secret(SECRET), SigningKey.from_secret(OTHER)


class World:
    """Live keys over a file of secrets, and whatever they tell."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "secrets"
        self.events: list[Event] = []
        self.write(SECRET)
        self.keys = LiveKeys(Settings(jwt_secret_file=self.path), clock=Clock(), tell=self.events.append)
        self.cache = VerifiedTokenCache(self.keys.verifier)
        self.keys.replace = self.cache.replace

    def write(self, *secrets: bytes) -> None:
        """Put secrets into the file, oldest to newest."""
        self.path.write_bytes(b"\n".join(secrets) + b"\n")

    def look(self) -> None:
        """Let the keys look at their file."""
        anyio.run(self.keys.look)

    def accepts(self, secret: bytes) -> bool:
        """Tell whether a token of this secret is accepted."""
        try:
            self.cache.verify(token(secret=secret), now=NOW)
        except InvalidToken:
            return False
        return True


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_key_that_comes_is_accepted_and_the_one_before_still_is(world: World) -> None:
    world.write(SECRET, OTHER)
    world.look()

    assert [world.accepts(secret) for secret in (SECRET, OTHER)] == [True, True]
    assert world.events == [Event(kind="rotate", at=NOW, key=NEW.kid)]


def test_a_key_that_goes_takes_its_tokens_with_it_also_those_remembered(world: World) -> None:
    assert world.accepts(SECRET)
    world.write(OTHER)
    world.look()

    assert [world.accepts(secret) for secret in (SECRET, OTHER)] == [False, True]
    assert sorted(world.events, key=lambda event: event.code or "") == [
        Event(kind="rotate", at=NOW, key=NEW.kid),
        Event(kind="rotate", at=NOW, key=OLD.kid, code="unknown_key"),
    ]


@pytest.mark.parametrize("content", [None, b"", b"short\n", SECRET + b"\nshort\n"])
def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_once(
    world: World, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Our choice: half a write, or a mistake, is no reason to refuse everybody."""
    if content is None:
        world.path.unlink()
    else:
        world.path.write_bytes(content)
    with caplog.at_level(logging.INFO, "mcp_auth_ref"):
        for _ in range(3):
            world.look()

    assert isinstance(world.keys.problem, ConfigurationError)
    assert world.accepts(SECRET)
    assert world.events == [Event(kind="rotate", at=NOW, code="configuration_error")]
    assert [record.message for record in caplog.records] == [f"what was read before goes on: {world.keys.problem}"]


def test_a_file_that_can_be_used_again_is(world: World) -> None:
    world.path.write_bytes(b"short")
    world.look()
    world.write(OTHER)
    world.look()

    assert world.keys.problem is None
    assert [world.accepts(secret) for secret in (SECRET, OTHER)] == [False, True]


def test_a_link_that_is_turned_is_noticed_whatever_the_dates_say(tmp_path: Path) -> None:
    """Kubernetes swaps `..data`; the files it leads to may be older than the ones before."""
    for name, secret in (("one", SECRET), ("two", OTHER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secrets").write_bytes(secret)
        os.utime(tmp_path / name / "secrets", (NOW, NOW))
    data = tmp_path / "..data"
    data.symlink_to("one")
    (tmp_path / "secrets").symlink_to("..data/secrets")
    keys = LiveKeys(Settings(jwt_secret_file=tmp_path / "secrets"))
    anyio.run(keys.look)
    (tmp_path / "..next").symlink_to("two")
    (tmp_path / "..next").replace(data)
    anyio.run(keys.look)

    assert isinstance(keys.verifier, TokenVerifier)
    assert keys.verifier.keys == KeySet([NEW])


def test_what_has_not_changed_for_a_while_is_not_read_again(tmp_path: Path) -> None:
    """Our choice: a look costs a `stat`."""
    path = tmp_path / "file"
    path.write_text("old")
    os.utime(path, (NOW, NOW))
    read: list[str] = []
    followed = Followed([path], load=path.read_text, take=read.append, failed=lambda _: None)
    for _ in range(3):
        anyio.run(followed.look)
    path.write_text("new")
    for _ in range(3):
        anyio.run(followed.look)

    # Just written, it is read at each look: a second write may have come within one tick of the file system's clock.
    assert read == ["old", "new", "new", "new"]


def test_the_key_set_changes_with_the_keys(tmp_path: Path) -> None:
    """RFC 7517, section 5: what is published is what verifies."""
    path = tmp_path / "keys.json"
    keyfiles.write(path, KeySet([KEYS["ES256"]]))
    keys = LiveKeys(Settings(jwt_algorithm="ES256", keys_file=path))
    before = keys.jwks()
    newer = keyfiles.generate("ES256")
    keyfiles.write(path, KeySet([KEYS["ES256"], newer]))
    anyio.run(keys.look)

    assert [jwk["kid"] for jwk in before["keys"]] == [KEYS["ES256"].kid]
    assert [jwk["kid"] for jwk in keys.jwks()["keys"]] == [KEYS["ES256"].kid, newer.kid]


def eventually(is_so: Callable[[], bool]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    pytest.fail("it has not come to pass within 30 seconds")


def test_a_running_server_follows_its_file_and_says_when_it_cannot(tmp_path: Path) -> None:
    """Our choice: what is wrong is on /ready, and the server goes on."""
    path = tmp_path / "secrets"
    path.write_bytes(SECRET)
    list_tools: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}

    with server(jwt_secret=None, jwt_secret_file=path, rate_limit_enabled=False) as client:

        def status(secret: bytes) -> int:
            headers = {**dict(bearer(token(secret=secret))), "Accept": "application/json, text/event-stream"}
            return client.post("/mcp", json=list_tools, headers=headers).status_code

        assert [status(secret) for secret in (SECRET, OTHER)] == [200, 401]
        path.write_bytes(b"short")
        eventually(lambda: "keys" in client.get("/ready").json())
        ready = client.get("/ready")
        assert (ready.status_code, ready.json()["status"], ready.json()["keys"]) == (200, "ready", "stale")
        assert status(SECRET) == 200
        path.write_bytes(OTHER)
        eventually(lambda: status(OTHER) == 200)
        assert status(SECRET) == 401
        assert "keys" not in client.get("/ready").json()
