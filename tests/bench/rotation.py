"""From the order to drop a leaked key to the first request that a real server refuses because of it."""

import contextlib
import http.client
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mcp_auth_ref import KeySet, Settings, issuer_from, keyfiles
from mcp_auth_ref.core.rotation import JWKS_MAX_AGE, dropped
from tests.bench.measure import Row
from tests.bench.requests import LIST_TOOLS, free_port, wait

ROUNDS = 15
TARGET_SECONDS = 2.0
PROGRAM = (sys.executable, str(Path(sys.executable).with_name("mcp-auth-ref")))


def rows() -> Iterator[Row]:
    """Measure two ways to drop it; the baseline is the longest that a cached key set goes on being believed."""
    with _serving() as (port, environment):
        for name, drop in (("keys retire --now", _by_command), ("the file replaced", _by_hand)):
            seconds = statistics.median(_until_refused(port, environment, drop) for _ in range(ROUNDS))
            yield Row(
                "a leaked key, until the first 401",
                f"{name}, median of {ROUNDS}",
                seconds,
                "s",
                f"a key set cached for {JWKS_MAX_AGE} s",
                JWKS_MAX_AGE / seconds,
                JWKS_MAX_AGE / TARGET_SECONDS,
            )


@contextlib.contextmanager
def _serving() -> Iterator[tuple[int, Mapping[str, str]]]:
    with tempfile.TemporaryDirectory() as folder:
        port, file = free_port(), Path(folder, "keys.json")
        keyfiles.write(file, KeySet([keyfiles.generate("ES256")]))
        environment = {
            "PATH": os.environ["PATH"],
            "MCP_JWT_ALGORITHM": "ES256",
            "MCP_KEYS_FILE": str(file),
            "MCP_RESOURCE_URL": f"http://127.0.0.1:{port}/mcp",
            "MCP_RATE_LIMIT_ENABLED": "false",
            "MCP_STORE_URL": "memory:",
            "MCP_AUDIT_ENABLED": "false",
        }
        process = subprocess.Popen(
            [*PROGRAM, "serve"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait(port)
            yield port, environment
        finally:
            process.terminate()
            process.wait(10)


def _until_refused(port: int, environment: Mapping[str, str], drop: Callable[[Mapping[str, str], str], None]) -> float:
    issuer, now = issuer_from(Settings.load(environ=environment)), int(time.time())
    token = issuer.issue(
        subject="mallory", client_id="bench", scopes=["mcp:tools"], now=now, token_id=secrets.token_urlsafe(16)
    )
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        while _status(connection, token) != http.HTTPStatus.OK:  # its key has only just taken another one's place
            pass
        time.sleep(random.random())
        started = time.perf_counter()
        drop(environment, issuer.keys.signing_key_at(now).kid)
        while _status(connection, token) != http.HTTPStatus.UNAUTHORIZED:
            pass
        return time.perf_counter() - started


def _by_command(environment: Mapping[str, str], kid: str) -> None:
    subprocess.run([*PROGRAM, "keys", "retire", kid, "--now"], env=environment, check=True, capture_output=True)


def _by_hand(environment: Mapping[str, str], kid: str) -> None:
    file = Path(environment["MCP_KEYS_FILE"])
    keys = keyfiles.read(file)
    keyfiles.write(file, dropped(keys, kid, now=int(time.time()), successor=keyfiles.generate("ES256")))


def _status(connection: http.client.HTTPConnection, token: str) -> int:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    connection.request("POST", "/mcp", LIST_TOOLS, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
