"""CPU time of a real server per request: without authentication ÷ with it."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_auth_ref import SigningKey
from tests.bench.measure import Row
from tests.bench.tokens import SECRET, sample_token

TARGET = 0.90
ROOT = Path(__file__).parents[2]
STARTS = 3
ROUNDS = 15
REQUESTS = 150
EXECUTE = "/api/v1/mcp/tools/echo/execute"
ECHO = json.dumps({"arguments": {"text": "hello"}})
LIST_TOOLS = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})


@dataclass(frozen=True, slots=True)
class Case:
    """A guarded server, and the same server without its guard."""

    group: str
    name: str
    guarded: str
    open: str
    target: float | None = None
    path: str = "/mcp"
    body: str | None = LIST_TOOLS


CASES = (
    Case("plain ASGI", "ours, cached", "ours_cached", "plain", TARGET),
    Case("plain ASGI", "ours", "ours", "plain"),
    Case("plain ASGI", "PyJWT in middleware", "pyjwt", "plain"),
    Case("/mcp tools/list", "ours", "serve", "serve without authentication", TARGET),
    Case("/mcp tools/list", "SDK, PyJWT verifier", "sdk_pyjwt", "sdk"),
    Case("/mcp tools/list", "FastMCP JWTVerifier", "fastmcp_jwt", "fastmcp"),
    Case("gateway", "list the tools", "serve", "serve without authentication", TARGET, "/api/v1/mcp/tools", None),
    Case("gateway", "execute a tool", "serve", "serve without authentication", TARGET, EXECUTE, ECHO),
)


def rows() -> Iterator[Row]:
    """Measure each pair of servers, started several times: how fast a process is differs from start to start."""
    token = sample_token(SigningKey.from_secret(SECRET))
    for case in CASES:
        pairs = [_cpu_of_both(case, token) for _ in range(STARTS)]
        guarded, unguarded = (min(side) for side in zip(*pairs, strict=True))
        ratio = unguarded / guarded
        yield Row(f"request, {case.group}", case.name, guarded * 1e6, "µs", "no authentication", ratio, case.target)


def _cpu_of_both(case: Case, token: str) -> tuple[float, float]:
    """Return the CPU seconds of a request with and without the guard: the best of short rounds that take turns."""
    with running(case.guarded) as guarded, running(case.open) as unguarded:
        loads = tuple(Load(server, token, case.path, case.body) for server in (guarded, unguarded))
        rounds = [tuple(load.cpu(REQUESTS) for load in loads) for _ in range(ROUNDS)]
    return min(each[0] for each in rounds), min(each[1] for each in rounds)


class Load:
    """One connection that sends the same request over and over."""

    def __init__(self, server: "Running", token: str, path: str = "/mcp", body: str | None = LIST_TOOLS) -> None:
        self._pid = server.pid
        self._path = path
        self._body = body
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-11-25",
            "Host": "127.0.0.1:8765",
        }
        self._send(50)

    def cpu(self, requests: int) -> float:
        """Return the CPU seconds the server spent on each of so many requests."""
        before = _cpu_seconds(self._pid)
        self._send(requests)
        return (_cpu_seconds(self._pid) - before) / requests

    def _send(self, requests: int) -> None:
        for _ in range(requests):
            self._connection.request("POST" if self._body else "GET", self._path, self._body, self._headers)
            answer = self._connection.getresponse()
            body = answer.read()
            if answer.status != http.HTTPStatus.OK:
                raise RuntimeError(f"no measurement: the server answered {answer.status} {body[:200]!r}")


@dataclass(frozen=True, slots=True)
class Running:
    """A server in a process of its own."""

    pid: int
    port: int


@contextlib.contextmanager
def running(name: str, settings: Mapping[str, str] | None = None, folder: Path | None = None) -> Iterator[Running]:
    """Start a server, in a folder and with settings of its own where they are given; it ends with the block."""
    port = free_port()
    with tempfile.TemporaryDirectory() as fresh:
        process = subprocess.Popen(
            _command(name, port),
            env={**_environment(name), **(settings or {})},
            cwd=folder or fresh,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait(port)
            yield Running(process.pid, port)
        finally:
            process.terminate()
            process.wait(10)


def _command(name: str, port: int) -> list[str]:
    if name.startswith("serve"):
        return [sys.executable, str(Path(sys.executable).with_name("mcp-auth-ref")), "serve", "--port", str(port)]
    application = f"tests.bench.servers:{name}"
    return [sys.executable, "-m", "uvicorn", application, "--port", str(port), "--no-access-log"]


def _environment(name: str) -> Mapping[str, str]:
    disabled = {"MCP_AUTH_ENABLED": "false"} if name == "serve without authentication" else {}
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MCP_JWT_SECRET": SECRET.decode(),
        "MCP_RATE_LIMIT_ENABLED": "false",  # authentication alone; what is on beside it is measured by `events`
        "MCP_AUDIT_ENABLED": "false",
        **disabled,
    }


def wait(port: int) -> None:
    for _ in range(1200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("no measurement: the server did not start within 60 seconds")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, to the nanosecond, from Linux's scheduler."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9
