"""What the page on rotating keys says; the rest of it is in tests/core/test_rotation.py and beside it."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mcp_auth_ref import KeySet, Settings, TokenVerifier, issuer_from, keyfiles, verifier_from
from mcp_auth_ref.cli import main
from mcp_auth_ref.core.rotation import JWKS_MAX_AGE, PUBLISHED_BEFORE
from mcp_auth_ref.server.published import METADATA_AGE
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/how-to/rotate.md").read_text()
LIST_TOOLS = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
PATIENCE = 30


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with one key pair, in an environment that names its file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_JWT_ALGORITHM", "ES256")
    monkeypatch.setenv("MCP_KEYS_FILE", "keys.json")
    assert run("keys", "new").exit_code == 0
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def kids(path: Path) -> list[str]:
    return [key.kid for key in keyfiles.read(path).keys]


def test_a_key_waits_for_the_max_age_of_the_set_and_a_minute() -> None:
    assert (JWKS_MAX_AGE, PUBLISHED_BEFORE) == (300, 360)
    assert f"public, max-age={JWKS_MAX_AGE}" == METADATA_AGE
    assert "six minutes later" in PAGE
    assert f"`Cache-Control: {METADATA_AGE}`" in PAGE


@pytest.mark.parametrize(("since", "left"), [(3600 + 30 - 60, 2), (3600 + 30, 1)])
def test_an_old_key_goes_after_the_greatest_age_of_a_token(
    folder: Path, monkeypatch: pytest.MonkeyPatch, since: int, left: int
) -> None:
    monkeypatch.setenv("MCP_MAX_TOKEN_AGE", "3600")
    new = replace(keyfiles.generate("ES256"), signs_from=int(time.time()) - since)
    keyfiles.write(folder / "keys.json", KeySet([*keyfiles.read(folder / "keys.json").keys, new]))

    assert run("keys", "retire").exit_code == 0
    assert len(kids(folder / "keys.json")) == left


def test_the_moment_is_in_the_file_and_not_in_the_published_set(folder: Path) -> None:
    run("keys", "rotate")

    written = json.loads((folder / "keys.json").read_text())["keys"]
    published = json.loads(run("keys", "jwks").stdout)["keys"]
    assert written[1]["nbf"] - time.time() == pytest.approx(PUBLISHED_BEFORE, abs=PATIENCE)
    assert [jwk["kid"] for jwk in published] == [jwk["kid"] for jwk in written]
    assert not [jwk for jwk in published if "nbf" in jwk]


def test_a_verifier_of_your_own_reads_its_keys_once(folder: Path) -> None:
    verifier = verifier_from(Settings.load())
    run("keys", "rotate")

    assert isinstance(verifier, TokenVerifier)
    assert [key.kid for key in verifier.keys.keys] == kids(folder / "keys.json")[:1]


class Load:
    """Four connections that call a server without a pause, half with a token from before, half with a fresh one."""

    def __init__(self, port: int, settings: Settings) -> None:
        self.refused: list[int] = []
        self.calls = 0
        self.keys: set[str] = set()
        self._port = port
        self._settings = settings
        self._over = threading.Event()

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._call) for _ in range(4)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def fresh(self) -> str:
        """Issue a token, with the newest key that the file has at this moment."""
        return issuer_from(self._settings).issue(
            subject="load", client_id="load", scopes=["mcp:tools:read"], now=int(time.time()), token_id="load"
        )

    def _call(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        with contextlib.closing(connection):
            self._call_over(connection)

    def _call_over(self, connection: http.client.HTTPConnection) -> None:
        token, born = self.fresh(), time.time()
        while not self._over.is_set():
            if time.time() - born > 1:  # long before its end, and long after a second look of the server
                token, born = self.fresh(), time.time()
            for each in (token, self.fresh()):
                connection.request("POST", "/mcp", LIST_TOOLS, {**HEADERS, "Authorization": f"Bearer {each}"})
                answer = connection.getresponse()
                answer.read()
                self.calls += 1
                self.keys.add(each.partition(".")[0])
                if answer.status != 200:
                    self.refused.append(answer.status)


HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@contextlib.contextmanager
def serving(folder: Path, **environment: str) -> Iterator[tuple[int, Settings]]:
    """Run `serve` as a user does; give its port and its settings."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    variables = {"MCP_RESOURCE_URL": f"http://127.0.0.1:{port}/mcp", **environment}
    command = [str(Path(sys.executable).with_name("mcp-auth-ref")), "serve"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={"PATH": os.environ["PATH"], **variables}, stdout=log, stderr=log
        )
        try:
            eventually(lambda: answers(port))
            yield port, Settings.load(environ=variables, cwd=folder)
        finally:
            process.kill()
            process.wait(PATIENCE)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    return False


def eventually(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, f"it has not come to pass within {PATIENCE} seconds"
        time.sleep(0.05)


def test_a_rotation_under_load_from_publishing_to_retiring_refuses_nobody(folder: Path) -> None:
    environment = {
        "MCP_JWT_ALGORITHM": "ES256",
        "MCP_KEYS_FILE": "keys.json",
        "MCP_JWT_EXPIRY_HOURS": "0.001",
        "MCP_MAX_TOKEN_AGE": "4",
        "MCP_LEEWAY": "3",
        "MCP_RATE_LIMIT_ENABLED": "false",
    }
    [old] = kids(folder / "keys.json")
    with serving(folder, **environment) as (port, settings), Load(port, settings) as load:
        new = run("keys", "rotate", "--after", "5").stdout.strip()
        eventually(lambda: len(load.keys) == 2)
        eventually(lambda: CliRunner().invoke(main, ["keys", "retire"], env=environment).stdout.strip() == old)
        calls = load.calls
        eventually(lambda: load.calls > calls + 200)
        eventually(lambda: f"the key {old} is gone" in (folder / "log").read_text())

    assert load.refused == []
    assert kids(folder / "keys.json") == [new]
