"""What Prometheus sees: counts by reason, times, parts of the server - and no series that a caller has made."""

import subprocess
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mcp_auth_ref.core.errors import TokenExpired
from mcp_auth_ref.events import UNAVAILABLE, Event
from mcp_auth_ref.metrics import MAX_TOOLS, Metrics
from tests.programs import program
from tests.server.world import NOW, bearer, call, post, server, token

MONITOR = dict(bearer(token("mcp:metrics:read", sub="prometheus")))


def samples(page: bytes | str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = page if isinstance(page, str) else page.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics.page()[0]).get((name, tuple(sorted(labels.items()))))


def told(*events: Event) -> Metrics:
    metrics = Metrics()
    for event in events:
        metrics(event)
    return metrics


def test_decisions_are_counted_by_reason() -> None:
    expired = Event(kind="refuse", at=NOW, code=TokenExpired.code, duration=0.001)
    metrics = told(expired, expired, Event(kind="accept", at=NOW, duration=0.00002))

    assert value(metrics, "mcp_auth_events_total", event="refuse", code="token_expired") == 2
    assert value(metrics, "mcp_auth_events_total", event="accept", code="") == 1


def test_the_time_of_decisions_is_measured() -> None:
    metrics = told(Event(kind="accept", at=NOW, duration=0.00002), Event(kind="accept", at=NOW, duration=0.5))

    assert value(metrics, "mcp_auth_decision_seconds_bucket", event="accept", le="2.5e-05") == 1
    assert value(metrics, "mcp_auth_decision_seconds_count", event="accept") == 2
    assert value(metrics, "mcp_auth_decision_seconds_sum", event="accept") == pytest.approx(0.50002)


@pytest.mark.parametrize("kind", ["issue", "refresh", "reuse", "revoke", "rotate", "limit"])
def test_every_other_event_is_counted(kind: Any) -> None:
    assert value(told(Event(kind=kind, at=NOW)), "mcp_auth_events_total", event=kind, code="") == 1


def test_what_could_not_be_decided_is_counted() -> None:
    metrics = told(Event(kind="refuse", at=NOW, code=UNAVAILABLE))

    assert value(metrics, "mcp_auth_events_total", event="refuse", code="unavailable") == 1


def test_what_has_not_happened_yet_is_there_as_nought() -> None:
    """Prometheus, `increase`: a series that begins at 1 has not increased."""
    metrics = Metrics()

    assert value(metrics, "mcp_auth_events_total", event="reuse", code="") == 0
    assert value(metrics, "mcp_auth_events_total", event="refuse", code="unavailable") == 0


def test_calls_are_counted_by_outcome_and_timed() -> None:
    metrics = told(
        Event(kind="execute", at=NOW, server="files", tool="read_file", duration=0.02),
        Event(kind="execute", at=NOW, server="files", tool="read_file", code="tool_timeout", duration=30),
    )

    assert value(metrics, "mcp_tool_calls_total", server="files", tool="read_file", outcome="ok") == 1
    assert value(metrics, "mcp_tool_calls_total", server="files", tool="read_file", outcome="tool_timeout") == 1
    assert value(metrics, "mcp_tool_call_seconds_count", server="files", tool="read_file") == 2


def test_no_caller_adds_a_series() -> None:
    """Our choice: names that callers choose are for the audit log, which is bounded."""
    unknown = [
        Event(kind="execute", at=NOW, tool=f"tool-{number}", code=f"code-{number}", subject=f"subject-{number}")
        for number in range(50)
    ]
    before = len(samples(told(unknown[0]).page()[0]))
    metrics = told(*unknown)

    assert len(samples(metrics.page()[0])) == before
    assert value(metrics, "mcp_tool_calls_total", server="", tool="other", outcome="other") == 50


def test_a_server_with_endless_tools_adds_a_bounded_number_of_series() -> None:
    metrics = told(*(Event(kind="execute", at=NOW, server="s", tool=f"{number}") for number in range(MAX_TOOLS + 5)))

    assert value(metrics, "mcp_tool_calls_total", server="s", tool="other", outcome="ok") == 5


def test_answers_are_counted_by_status() -> None:
    metrics = Metrics()
    metrics.answered(401, 0.002)

    assert value(metrics, "mcp_http_requests_total", status="401") == 1
    assert value(metrics, "mcp_http_request_seconds_count") == 1


@dataclass
class Parts:
    """Parts of a server that say something of themselves."""

    hits: int = 7
    misses: int = 3
    is_current: bool = False
    age: float = 12.5
    lines: int = 5
    failures: int = 1
    lost: int = 2
    waiting: int = 4
    breaks: int = 1
    sequence: int = 9

    def __len__(self) -> int:
        return 6


def test_parts_of_the_server_are_looked_at_each_time() -> None:
    parts, metrics = Parts(), Metrics()
    metrics.watch(cache=parts, store=parts, audit=parts)
    parts.hits = 8

    assert {
        name: value(metrics, name)
        for name in (
            "mcp_token_cache_tokens",
            "mcp_store_up",
            "mcp_store_age_seconds",
            "mcp_audit_lines_total",
            "mcp_audit_failures_total",
            "mcp_audit_waiting_lines",
            "mcp_audit_lost_lines_total",
            "mcp_audit_breaks_total",
            "mcp_audit_sequence",
        )
    } == {
        "mcp_token_cache_tokens": 6,
        "mcp_store_up": 0,
        "mcp_store_age_seconds": 12.5,
        "mcp_audit_lines_total": 5,
        "mcp_audit_failures_total": 1,
        "mcp_audit_waiting_lines": 4,
        "mcp_audit_lost_lines_total": 2,
        "mcp_audit_breaks_total": 1,
        "mcp_audit_sequence": 9,
    }
    assert value(metrics, "mcp_token_cache_lookups_total", result="hit") == 8


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = told(Event(kind="revoke", at=NOW)), Metrics()

    assert value(one, "mcp_auth_events_total", event="revoke", code="") == 1
    assert value(other, "mcp_auth_events_total", event="revoke", code="") == 0


def test_the_page_needs_a_token_with_its_scope() -> None:
    """Our choice: how often who is refused, and which tools there are, is nobody's business who just passes by."""
    with server() as client:
        answers = [
            client.get("/metrics"),
            client.get("/metrics", headers=dict(bearer(token("mcp:tools")))),
            client.post("/metrics", headers=MONITOR),
            client.get("/metrics", headers=MONITOR),
        ]

    assert [answer.status_code for answer in answers] == [401, 403, 405, 200]
    assert answers[3].headers["content-type"].startswith("text/plain; version=")
    assert answers[3].headers["cache-control"] == "no-store"
    assert 'scope="mcp:metrics:read"' in answers[1].headers["www-authenticate"]


def test_the_page_tells_of_the_requests_before_it() -> None:
    with server() as client:
        call(client, "echo", {"text": "x"}, credential=token())
        call(client, "echo", {"text": "x"}, credential=token())
        post(client, "tools/list")
        call(client, "write_file", {"path": "x", "content": "x"}, credential=token())
        seen = samples(client.get("/metrics", headers=MONITOR).text)

    assert seen["mcp_auth_events_total", (("code", ""), ("event", "accept"))] == 4
    assert seen["mcp_auth_events_total", (("code", "missing_token"), ("event", "refuse"))] == 1
    assert seen["mcp_auth_events_total", (("code", "insufficient_scope"), ("event", "refuse"))] == 1
    assert seen["mcp_http_requests_total", (("status", "200"),)] == 2
    assert seen["mcp_token_cache_lookups_total", (("result", "hit"),)] == 2
    assert seen["mcp_token_cache_lookups_total", (("result", "miss"),)] == 2
    assert seen["mcp_store_up", ()] == 1


def test_openmetrics_is_given_to_who_asks_for_it() -> None:
    _, media_type = Metrics().page("application/openmetrics-text; version=1.0.0")

    assert media_type.startswith("application/openmetrics-text")


@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain"])
def test_a_version_that_is_no_number_gets_the_plain_page(kind: str) -> None:
    """CWE-248: what a caller writes into `Accept` makes no failure of the server."""
    _, media_type = Metrics().page(f"{kind}; version=latest")

    assert media_type == "text/plain; version=0.0.4; charset=utf-8"


def test_prometheus_has_nothing_against_the_names() -> None:
    """`promtool check metrics`, which knows the conventions."""
    parts = Parts()
    metrics = told(
        Event(kind="accept", at=NOW, duration=0.1),
        Event(kind="execute", at=NOW, server="s", tool="t", duration=0.1),
    )
    metrics.watch(cache=parts, store=parts, audit=parts)
    metrics.answered(200, 0.1)

    done = subprocess.run(
        [program("promtool"), "check", "metrics"], input=metrics.page()[0], capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
