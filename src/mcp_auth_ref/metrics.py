"""Metrics for Prometheus: how many decisions of which kind, how long they take, and how the server's parts are.

The values of labels come from lists that the server knows: events, codes of errors, statuses, tools of its hub. Nobody
who calls can add a series, and none names a person.
"""

import platform
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from mcp_auth_ref.core.errors import AuthError
from mcp_auth_ref.events import CANCELLED, TOOL_ERROR, UNAVAILABLE, Event, Kind

MAX_TOOLS = 1000
OTHER = "other"
OK = "ok"

_DECISION_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1, 1.0)
_CALL_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Cache(Protocol):
    """What is told of a cache: `VerifiedTokenCache`."""

    hits: int
    misses: int

    def __len__(self) -> int: ...


class Store(Protocol):
    """What is told of the store: `Revocations`."""

    @property
    def is_current(self) -> bool:
        """Whether the store has been heard of lately."""

    @property
    def age(self) -> float:
        """Seconds since the store was heard of."""


class Audit(Protocol):
    """What is told of the audit log: `AuditLog`."""

    lines: int
    failures: int
    lost: int

    @property
    def waiting(self) -> int:
        """Lines that have not been written yet."""

    @property
    def breaks(self) -> int:
        """How often the sealed log was found changed."""

    @property
    def sequence(self) -> int:
        """The number of the last line of a sealed log."""


class Metrics:
    """Counts events, as their listener, and gives all metrics as a page of text. Each has a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._events = Counter(
            "mcp_auth_events", "Decisions by their kind; code says why not.", ["event", "code"], registry=self._registry
        )
        self._decisions = Histogram(
            "mcp_auth_decision_seconds",
            "How long it took to let a request in, or to refuse it.",
            ["event"],
            buckets=_DECISION_SECONDS,
            registry=self._registry,
        )
        self._calls = Counter(
            "mcp_tool_calls",
            "Calls of tools by their outcome: ok, or an error's code.",
            ["server", "tool", "outcome"],
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "mcp_tool_call_seconds",
            "How long tools took to answer.",
            ["server", "tool"],
            buckets=_CALL_SECONDS,
            registry=self._registry,
        )
        self._requests = Counter("mcp_http_requests", "Answers by status.", ["status"], registry=self._registry)
        self._request_seconds = Histogram(
            "mcp_http_request_seconds",
            "How long requests took from their head to the end of the answer.",
            buckets=_CALL_SECONDS,
            registry=self._registry,
        )
        info = Gauge(
            "mcp_build_info", "What runs, as labels; always 1.", ["version", "python"], registry=self._registry
        )
        info.labels(version("mcp-auth-ref"), platform.python_version()).set(1)
        ProcessCollector(registry=self._registry)
        self._codes = {*_codes(AuthError), UNAVAILABLE, CANCELLED, TOOL_ERROR}
        for kind in get_args(Kind):  # a series that begins with its first event shows no increase to Prometheus
            for code in (self._codes - {CANCELLED, TOOL_ERROR}) if kind == "refuse" else {""}:
                self._events.labels(kind, code)
        self._tools: set[tuple[str, str]] = set()
        self._counted: dict[tuple[str, str | None], Callable[[], None]] = {}
        self._timed: dict[str, Callable[[float], None]] = {}
        self._answered: dict[int, Callable[[], None]] = {}

    def __call__(self, event: Event) -> None:
        """Count an event."""
        key = event.kind, event.code
        count = self._counted.get(key)
        if count is None:
            count = self._events.labels(event.kind, self._code(event.code)).inc
            if event.code is None or event.code in self._codes:
                self._counted[key] = count
        count()
        if event.kind == "execute":
            self._count_call(event)
        elif event.duration is not None:
            observe = self._timed.get(event.kind)
            if observe is None:
                observe = self._timed[event.kind] = self._decisions.labels(event.kind).observe
            observe(event.duration)

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer."""
        count = self._answered.get(status)
        if count is None:
            count = self._answered[status] = self._requests.labels(str(status)).inc
        count()
        self._request_seconds.observe(seconds)

    def watch(self, *, cache: Cache | None = None, store: Store | None = None, audit: Audit | None = None) -> None:
        """Add what parts of the server say of themselves at each look."""
        if cache is not None:
            self._registry.register(_Watched(lambda: _of_cache(cache)))
        if store is not None:
            self._registry.register(_Watched(lambda: _of_store(store)))
        if audit is not None:
            self._registry.register(_Watched(lambda: _of_audit(audit)))

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics and their media type: OpenMetrics where `accept` asks for it, else Prometheus' text."""
        encode, media_type = _encoder(accept)
        return encode(self._registry), media_type

    def _code(self, code: str | None) -> str:
        return "" if code is None else code if code in self._codes else OTHER

    def _count_call(self, event: Event) -> None:
        server, tool = self._names(event)
        self._calls.labels(server, tool, OK if event.code is None else self._code(event.code)).inc()
        if event.duration is not None:
            self._call_seconds.labels(server, tool).observe(event.duration)

    def _names(self, event: Event) -> tuple[str, str]:
        """Name a tool that a server has. A name that only the caller knows is no label, nor is one too many."""
        if event.server is None or event.tool is None:
            return "", OTHER
        names = event.server, event.tool
        if names not in self._tools:
            if len(self._tools) >= MAX_TOOLS:
                return event.server, OTHER
            self._tools.add(names)
        return names


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    try:
        return choose_encoder(accept)
    except TypeError:  # the library compares a version with a number also where it is none
        return choose_encoder("")


class _Watched(Collector):
    def __init__(self, look: Callable[[], Sequence[Metric]]) -> None:
        self._look = look

    def collect(self) -> Sequence[Metric]:
        return self._look()


def _of_cache(cache: Cache) -> Sequence[Metric]:
    lookups = CounterMetricFamily("mcp_token_cache_lookups", "Looks for a token verified before.", labels=["result"])
    lookups.add_metric(["hit"], cache.hits)
    lookups.add_metric(["miss"], cache.misses)
    return [lookups, GaugeMetricFamily("mcp_token_cache_tokens", "Tokens that are remembered.", len(cache))]


def _of_store(store: Store) -> Sequence[Metric]:
    return [
        GaugeMetricFamily("mcp_store_up", "1 while the store of revocations answers in time.", int(store.is_current)),
        GaugeMetricFamily("mcp_store_age_seconds", "How long ago the store was last heard of.", store.age),
    ]


def _of_audit(audit: Audit) -> Sequence[Metric]:
    return [
        CounterMetricFamily("mcp_audit_lines", "Lines written to the audit log.", audit.lines),
        CounterMetricFamily("mcp_audit_failures", "Times that the audit log could not be written.", audit.failures),
        GaugeMetricFamily("mcp_audit_waiting_lines", "Lines that wait to be written.", audit.waiting),
        CounterMetricFamily("mcp_audit_lost_lines", "Lines that were never written.", audit.lost),
        CounterMetricFamily("mcp_audit_breaks", "Times that the sealed log was found changed.", audit.breaks),
        GaugeMetricFamily("mcp_audit_sequence", "The number of the last line of a sealed log.", audit.sequence),
    ]


def _codes(kind: type[AuthError]) -> Iterator[str]:
    yield kind.code
    for child in kind.__subclasses__():
        yield from _codes(child)
