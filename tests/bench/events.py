"""What an event costs, and what authentication with everything around it leaves of a server's throughput."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import structlog

from mcp_auth_ref import SigningKey
from mcp_auth_ref.audit import AuditFile, AuditLog, Chain
from mcp_auth_ref.events import Event
from mcp_auth_ref.metrics import Metrics
from tests.bench.measure import Row, Run, cpu_time
from tests.bench.requests import LIST_TOOLS, ROUNDS, STARTS, Load, running
from tests.bench.tokens import SECRET, sample_token

TARGET = 0.80
REQUESTS = 100
EVENT = Event(
    kind="accept",
    at=1_795_000_000,
    subject="ada",
    client_id="bench",
    token_id="JhAVKVcAcGQLn8Q1C2lFTg",
    request_id="0123456789abcdef0123456789abcdef",
    address="127.0.0.1",
    duration=0.00002,
)
NOTHING = {
    "MCP_AUTH_ENABLED": "false",
    "MCP_AUDIT_ENABLED": "false",
    "MCP_RATE_LIMIT_ENABLED": "false",
    "MCP_STORE_URL": "memory:",
}
EVERYTHING = {
    "MCP_AUDIT_ENABLED": "true",
    "MCP_RATE_LIMIT_ENABLED": "true",
    "MCP_RATE_LIMIT_REQUESTS": "999999999",
    "MCP_STORE_URL": "sqlite:///store.db",
}
SEALED = {**EVERYTHING, "MCP_AUDIT_KEY_FILE": "audit-key"}
CALL = json.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": "hello"}}}
)
PATHS = {
    "/mcp tools/list": ("/mcp", LIST_TOOLS),
    "/mcp tools/call": ("/mcp", CALL),
    "GET /api/v1/mcp/tools": ("/api/v1/mcp/tools", None),
    "POST …/tools/echo/execute": ("/api/v1/mcp/tools/echo/execute", json.dumps({"arguments": {"text": "hello"}})),
}


def rows() -> Iterator[Row]:
    """Measure an event with each listener, then whole requests."""
    yield from _events()
    yield from _requests()


def _events() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(SECRET)
        contenders = {
            "structlog, JSON to a file": _structlog(Path(folder, "structlog")),
            "an audit line": _telling(AuditLog(_file(Path(folder, "plain"), None))),
            "an audit line, sealed": _telling(AuditLog(_file(Path(folder, "sealed"), chain))),
            "metrics": _telling(Metrics()),
        }
        seconds = cpu_time(contenders, calls=2000)
    baseline = "structlog, JSON to a file"
    for name, value in seconds.items():
        yield Row("an event", name, value * 1e6, "µs", baseline, seconds[baseline] / value)


def _file(path: Path, chain: Chain | None) -> AuditFile:
    return AuditFile(path, max_bytes=1 << 30, keep=1, chain=chain)


def _telling(listener: Callable[[Event], None]) -> Run:
    def run(calls: int) -> None:
        for _ in range(calls):
            listener(EVENT)

    return run


def _structlog(path: Path) -> Run:
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb", buffering=0)
    logger = structlog.wrap_logger(
        structlog.BytesLogger(file),
        processors=[
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=lambda *given, **_: json.dumps(given[0]).encode()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=True,
    )
    told = {name: getattr(EVENT, name) for name in ("subject", "client_id", "token_id", "request_id", "address")}

    def run(calls: int) -> None:
        for _ in range(calls):
            logger.info("accept", **told, duration_ms=EVENT.duration)

    return run


def _requests() -> Iterator[Row]:
    for group, settings, target in (("everything on", EVERYTHING, TARGET), ("everything on, sealed", SEALED, None)):
        for name, path in PATHS.items():
            pairs = [_cpu_of_both(settings, *path) for _ in range(STARTS)]
            everything, nothing = (min(side) for side in zip(*pairs, strict=True))
            yield Row(group, name, everything * 1e6, "µs", "nothing on", nothing / everything, target)


def _cpu_of_both(settings: Mapping[str, str], path: str, body: str | None) -> tuple[float, float]:
    """Return the CPU seconds of a request with these settings and with nothing: the best of rounds that take turns."""
    token = sample_token(SigningKey.from_secret(SECRET))
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder, "audit-key")
        key.write_bytes(SECRET)
        key.chmod(0o600)
        with (
            running("serve", settings, Path(folder)) as full,
            running("serve", NOTHING, Path(folder)) as bare,
        ):
            loads = Load(full, token, path, body), Load(bare, token, path, body)
            rounds = [tuple(load.cpu(REQUESTS) for load in loads) for _ in range(ROUNDS)]
    return min(each[0] for each in rounds), min(each[1] for each in rounds)
