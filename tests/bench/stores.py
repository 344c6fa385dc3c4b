"""What a request pays for revocation and limits, and how soon three replicas know of a revocation."""

import contextlib
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis

from mcp_auth_ref.core.grants import Revocation
from mcp_auth_ref.core.limits import Rate
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.server.counters import MemoryCounter
from mcp_auth_ref.stores import open_store
from mcp_auth_ref.stores.revocations import Revocations
from tests.bench.measure import Row, cpu_time
from tests.stores.servers import Valkey

MILLION = 1_000_000
ISSUER = "https://issuer.example"
CLAIMS = Claims(
    {"iss": ISSUER, "sub": "ada", "jti": secrets.token_urlsafe(16), "sid": secrets.token_urlsafe(16), "iat": 1}
)
REPLICA = """
import sys, time
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.stores import open_store
from mcp_auth_ref.stores.revocations import Revocations
revocations = Revocations(open_store(sys.argv[1]), stale=60, elapsed=time.monotonic, clock=time.time)
revocations.load()
with revocations.followed():
    print("ready", flush=True)
    for name in sys.stdin:
        claims = Claims({"iss": "i", "sub": "s", "jti": name.strip(), "iat": 1})
        while not revocations.is_revoked(claims):
            time.sleep(0.0005)
        print(time.monotonic(), flush=True)
"""


def rows() -> Iterator[Row]:
    """Measure each store."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        memory = _both_checks("memory:")
        _fill(folder / "store.db", MILLION)
        started, before = time.process_time(), _resident()
        million = _both_checks(f"sqlite:///{folder}/store.db")
        loading, weight = time.process_time() - started, _resident() - before
        cost = cpu_time({"memory": memory, "million": million}, calls=200_000)
        with _valkey(folder) as valkey:
            yield from _costs(cost, _round_trip(valkey.url))
            yield Row("a million at the start", "loaded", loading, "s", "10 s", 10 / loading)
            yield Row("a million in memory", "names and times", weight / 1e6, "MB", "256 MB", 256e6 / weight)
            yield from (_propagation(kind, url) for kind, url in _shared(folder, valkey))


def _costs(cost: dict[str, float], round_trip: float) -> Iterator[Row]:
    for contender, name, limit in (("memory", "memory", 2e-6), ("SQLite with a million", "million", 7e-6)):
        limit_words = f"the limit of {limit * 1e6:g} µs"
        yield Row(f"revocation and rate, {name}", contender, cost[name] * 1e6, "µs", limit_words, limit / cost[name], 1)
    ratio = round_trip / cost["million"]
    yield Row("revocation, peers", "a Redis round trip", round_trip * 1e6, "µs", "SQLite with a million", 1 / ratio)


def _both_checks(url: str) -> Callable[[int], None]:
    """Ask whether a token is revoked, and count the call, as the guard does for each request."""
    revocations = Revocations(open_store(url), stale=3600, elapsed=time.monotonic, clock=time.time)
    revocations.load()
    for kind in ("token", "family", "subject"):
        revocations.revoke(Revocation(kind, ISSUER, "somebody", 1, time.time() + 3600))
    counter = MemoryCounter(Rate(MILLION * 1000, 60))

    def run(times: int) -> None:
        for _ in range(times):
            revocations.is_revoked(CLAIMS)
            counter.take_now("ada", now=time.monotonic())

    return run


def _fill(path: Path, number: int) -> None:
    open_store(f"sqlite:///{path}").close()
    until = time.time() + 3600
    insert = "INSERT INTO revocations (kind, issuer, name, at, until) VALUES ('token', ?, ?, 1, ?)"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(insert, ((ISSUER, secrets.token_urlsafe(16), until) for _ in range(number)))


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def _round_trip(url: str) -> float:
    with redis.Redis.from_url(url) as client:
        durations = []
        for _ in range(3000):
            started = time.perf_counter()
            client.exists("revoked:somebody")
            durations.append(time.perf_counter() - started)
    return statistics.median(durations)


@contextlib.contextmanager
def _valkey(folder: Path) -> Iterator[Valkey]:
    place = folder / "v"
    place.mkdir()
    server = Valkey(place)
    try:
        yield server
    finally:
        server.kill()


def _shared(folder: Path, valkey: Valkey) -> Iterator[tuple[str, str]]:
    yield "Redis", valkey.url
    yield "SQLite", f"sqlite:///{folder}/shared.db"


def _propagation(kind: str, url: str) -> Row:
    """Revoke fifty times, and take the median of when the last of three replicas refuses."""
    store = open_store(url)
    replicas = [
        subprocess.Popen([sys.executable, "-c", REPLICA, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for replica in replicas:
        _line(replica)
    durations = [_seen_by_all(replicas, lambda revocation: store.revoke(revocation, now=0)) for _ in range(50)]
    for replica in replicas:
        replica.communicate()
    store.close()
    median = statistics.median(durations)
    return Row("revocation seen by three replicas", kind, median * 1e3, "ms", "the limit of 100 ms", 0.1 / median, 1)


def _seen_by_all(replicas: "list[subprocess.Popen[str]]", revoke: Callable[[Revocation], None]) -> float:
    name = secrets.token_urlsafe(16)
    for replica in replicas:
        assert replica.stdin is not None
        replica.stdin.write(f"{name}\n")
        replica.stdin.flush()
    time.sleep(0.01)
    started = time.monotonic()
    revoke(Revocation("token", "i", name, 1, time.time() + 3600))
    return max(float(_line(replica)) for replica in replicas) - started


def _line(replica: "subprocess.Popen[str]") -> str:
    assert replica.stdout is not None
    return replica.stdout.readline()
