"""Real servers that tests kill, and real clients that keep on asking."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from mcp_auth_ref.core.keys import KeySet, SigningKey
from mcp_auth_ref.core.tokens import TokenIssuer
from mcp_auth_ref.refresh import Issued, RefreshTokens
from mcp_auth_ref.stores import Store, open_store

SECRET = "a-secret-for-the-tests-of-faults-0123456789"
PATIENCE = 30
LIST_TOOLS = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
# What `mcp-auth-ref serve` does, with a clock that a file moves: the file has the seconds to add.
CLOCKED = """
import sys, time
from pathlib import Path
from mcp_auth_ref import process

def clock():
    return time.time() + float(Path("clock").read_text())

made = process.create_app
process.create_app = lambda settings, **_: made(settings, clock=clock)
process.serve(process.Settings.load(), port=int(sys.argv[1]))
"""


def until(fact: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, f"it has not come to be in {PATIENCE} seconds"
        time.sleep(0.02)


@dataclass(frozen=True)
class Answer:
    """A status, its headers, and its document."""

    status: int
    headers: dict[str, str]
    document: dict[str, Any]


class Server:
    """A server process that may be killed and started again, at one port and with one store."""

    def __init__(
        self, folder: Path, store_url: str, *, clocked: bool = False, public: str | None = None, **variables: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])
        self.origin = public or f"http://127.0.0.1:{self.port}"
        self._folder = folder
        (folder / "clock").write_text("0")
        self._command = (
            [sys.executable, "-c", CLOCKED, str(self.port)]
            if clocked
            else [str(Path(sys.executable).with_name("mcp-auth-ref")), "serve", "--port", str(self.port)]
        )
        self._environment = {
            "PATH": os.environ["PATH"],
            "MCP_JWT_SECRET": SECRET,
            "MCP_ISSUER": self.origin,
            "MCP_RESOURCE_URL": f"{self.origin}/mcp",
            "MCP_STORE_URL": store_url,
            "MCP_RATE_LIMIT_ENABLED": "false",
            "MCP_REFRESH_GRACE_SECS": "60",
            **variables,
        }
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, without waiting."""
        with (self._folder / f"server-{self.port}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )
        return self.process

    def wait(self) -> None:
        """Wait until it takes requests."""
        until(lambda: self.ready() == 200)

    def kill(self) -> None:
        """End it as the kernel does when memory is short."""
        self.process.kill()
        self.process.wait()

    def ready(self) -> int | None:
        """Ask whether it is ready; None where nobody answers."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/ready").status
        return None

    def ask(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            host = self.origin.partition("//")[2]
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
            given = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, given, json.loads(content) if content else {})
        finally:
            connection.close()

    def post_form(self, path: str, **form: str) -> Answer:
        """Send a form as the command's own client, which is public."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode({"client_id": "mcp-auth-ref-cli", **form}), headers)

    def refresh(self, token: str) -> Answer:
        """Redeem a refresh token."""
        return self.post_form("/token", grant_type="refresh_token", refresh_token=token)

    def call(self, token: str) -> Answer:
        """List the tools with an access token."""
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        return self.ask("POST", "/mcp", LIST_TOOLS, headers)

    def pair(self, store: Store) -> Issued:
        """Issue a first pair, as the command beside the server does."""
        issuer = TokenIssuer(self.origin, f"{self.origin}/mcp", KeySet([SigningKey.from_secret(SECRET.encode())]))
        tokens = RefreshTokens(issuer=lambda: issuer, store=store)
        return tokens.start(subject="ada", client_id="mcp-auth-ref-cli", scopes=["mcp:tools"], now=time.time())

    def move_clock(self, seconds: float) -> None:
        """Set the clock of a clocked server forward, or back, from the true time."""
        draft = self._folder / "clock.new"
        draft.write_text(str(seconds))
        draft.replace(self._folder / "clock")


@contextlib.contextmanager
def serving(
    folder: Path, store_url: str, *, clocked: bool = False, public: str | None = None, **variables: str
) -> Iterator[Server]:
    """Run a server while the block lasts; `public` is its origin, where that is another one's."""
    server = Server(folder, store_url, clocked=clocked, public=public, **variables)
    try:
        server.wait()
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def opened(store_url: str) -> Iterator[Store]:
    """Open the store beside the servers."""
    with contextlib.closing(open_store(store_url)) as store:
        yield store
