"""A request is a span, a call of a tool one below it; nothing in either was for nobody's eyes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import SecretBytes
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from mcp_auth_ref import Settings, create_app
from mcp_auth_ref.traces import Traced, tracer_of
from tests.server.world import NOW, SECRET, Clock, Recorder, ask, bearer, call, client_of, token

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SCOPED = token("mcp:tools files:write")


@contextmanager
def traced(root: Path | None = None) -> Iterator[tuple[TestClient, InMemorySpanExporter]]:
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    given: dict[str, Any] = {"files_root": root, "audit_enabled": False, "store_url": "memory:"}
    settings = Settings(jwt_secret=SecretBytes(SECRET), **given)
    with client_of(create_app(settings, clock=Clock(), tracer_provider=provider)) as client:
        yield client, kept


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def execute(client: TestClient, tool: str, arguments: dict[str, Any], **headers: str) -> int:
    answer = client.post(
        f"/api/v1/mcp/tools/{tool}/execute",
        json={"arguments": arguments},
        headers={**dict(bearer(SCOPED)), **headers},
    )
    return answer.status_code


def test_a_call_is_a_span_below_that_of_its_request() -> None:
    with traced() as (client, kept):
        status = execute(client, "echo", {"text": "x"})

    spans = by_name(kept)
    request, called = spans["POST"], spans["tools/call"]
    assert called.parent is not None
    assert request.context is not None
    assert (status, called.parent.span_id) == (200, request.context.span_id)
    assert (request.kind, called.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert dict(called.attributes or {}) == {"mcp.server": "demo", "mcp.tool": "echo"}
    assert called.end_time == NOW * 1_000_000_000
    assert {name: value for name, value in (request.attributes or {}).items() if name != "mcp.request_id"} == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "mcp.auth.decision": "accept",
    }


def test_a_call_over_mcp_is_such_a_span_too() -> None:
    with traced() as (client, kept):
        answer = call(client, "echo", {"text": "x"}, credential=SCOPED)

    spans = by_name(kept)
    called, request = spans["tools/call"], spans["POST"]
    assert called.parent is not None
    assert request.context is not None
    assert (answer.status_code, called.parent.trace_id) == (200, request.context.trace_id)


def test_the_callers_trace_goes_on() -> None:
    """W3C Trace Context, section 3.2."""
    with traced() as (client, kept):
        execute(client, "echo", {"text": "x"}, traceparent=PARENT)

    assert {f"{span.context.trace_id:032x}" for span in kept.get_finished_spans() if span.context} == {TRACE}


@pytest.mark.parametrize("odd", ["", "00-0-0-00", "x" * 5000, f"{PARENT}-more-and-more"])
def test_what_is_no_trace_begins_one(odd: str) -> None:
    with traced() as (client, kept):
        status = execute(client, "echo", {"text": "x"}, traceparent=odd)

    [request] = [span for span in kept.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert (status, request.parent) == (200, None)


def test_a_refusal_says_its_code() -> None:
    with traced() as (client, kept):
        client.post("/mcp")

    [request] = kept.get_finished_spans()
    assert request.attributes is not None
    assert (request.attributes["mcp.auth.decision"], request.attributes["mcp.auth.code"]) == ("refuse", "missing_token")
    assert request.status.status_code is StatusCode.UNSET


def test_a_call_that_fails_says_so() -> None:
    with traced() as (client, kept):
        execute(client, "echo", {"text": 7})

    called = by_name(kept)["tools/call"]
    assert called.attributes is not None
    assert (called.attributes["error.type"], called.status.status_code) == ("invalid_arguments", StatusCode.ERROR)


def test_the_span_and_the_answer_have_the_same_name_for_the_request() -> None:
    with traced() as (client, kept):
        answer = client.get("/health")

    [request] = kept.get_finished_spans()
    assert request.attributes is not None
    assert request.attributes["mcp.request_id"] == answer.headers["x-request-id"]


def test_no_span_has_a_secret_in_it(tmp_path: Path) -> None:
    """Our choice: traces go to places that nobody has thought of as holding secrets."""
    secret = "an-argument-that-is-a-secret"
    with traced(tmp_path) as (client, kept):
        execute(client, "echo", {"text": secret})
        execute(client, "write_file", {"name": "x", "content": secret})
        execute(client, secret, {})
        client.get(f"/{secret}?access_token={SCOPED}", headers=dict(bearer(SCOPED)))
        client.request(secret, "/mcp", headers={"traceparent": secret})

    text = "".join(span.to_json() for span in kept.get_finished_spans())
    assert "tools/call" in text
    assert [found for found in (secret, *SCOPED.split(".")[1:], '"ada"') if found in text] == []


def test_a_failure_is_an_error_without_its_words() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500})
        raise RuntimeError("a secret")

    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with pytest.raises(RuntimeError, match="a secret"):
        ask(Traced(failing, tracer=tracer_of(provider)))

    [request] = kept.get_finished_spans()
    assert (request.status.status_code, request.events) == (StatusCode.ERROR, ())
    assert "a secret" not in request.to_json()


def test_without_a_provider_nothing_is_traced() -> None:
    app = Recorder()
    provider = TracerProvider()

    answer = ask(Traced(app, tracer=tracer_of(provider)))

    assert answer.status_code == 200
