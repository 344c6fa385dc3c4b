"""Spans for OpenTelemetry: one for each request, and below it one for each call of a tool.

A caller's `traceparent` is honoured (W3C Trace Context). A span names what was decided and which tool of which server
was called; it names no person, and has no token, no address with its query, and no argument.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind, StatusCode, Tracer, TracerProvider, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mcp_auth_ref.events import Event, Listener

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = "mcp_auth_ref"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # any other is the caller's own word
CARRIED = ("traceparent", "tracestate")

_PROPAGATOR = TraceContextTextMapPropagator()
_NANOSECONDS = 1_000_000_000


def tracer_of(provider: TracerProvider) -> Tracer:
    """Return what makes the spans of this package."""
    return provider.get_tracer(NAME)


class Traced:
    """Put a span around each HTTP request; it goes on where the caller's `traceparent` says."""

    def __init__(self, app: "ASGIApp", *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Trace an HTTP request; everything else passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope.get("state", {}).get("request_id")
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        attributes = {"http.request.method": method, **({"mcp.request_id": request_id} if request_id else {})}
        span = self._tracer.start_span(
            method, _PROPAGATOR.extract(_carrier(scope)), kind=SpanKind.SERVER, attributes=attributes
        )

        def send_and_see(message: "Message") -> Awaitable[None]:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:
                    span.set_status(StatusCode.ERROR)
            return send(message)

        # What an exception says may quote what it was given, so none is recorded.
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            await self._app(scope, receive, send_and_see)


def spans(tracer: Tracer) -> Listener:
    """Return a listener that puts decisions on the span of their request, and a span for a call below it."""

    def tell(event: Event) -> None:
        if event.kind == "execute":
            _call(tracer, event)
        elif event.kind in ("accept", "refuse", "limit"):
            span = get_current_span()
            span.set_attribute("mcp.auth.decision", event.kind)
            if event.code is not None:
                span.set_attribute("mcp.auth.code", event.code)

    return tell


def _call(tracer: Tracer, event: Event) -> None:
    end = int(event.at * _NANOSECONDS)
    start = end - int((event.duration or 0) * _NANOSECONDS)
    known = {"mcp.server": event.server, "mcp.tool": event.tool} if event.server and event.tool else {}
    span = tracer.start_span("tools/call", kind=SpanKind.CLIENT, start_time=start, attributes=known)
    if event.code is not None:
        span.set_attribute("error.type", event.code)
        span.set_status(StatusCode.ERROR)
    span.end(end)


def _carrier(scope: "Scope") -> dict[str, str]:
    """Return the headers of the trace, but none that comes twice."""
    found: dict[str, list[str]] = {name: [] for name in CARRIED}
    for name, value in scope["headers"]:
        key = name.decode("latin-1")
        if key in found:
            found[key].append(value.decode("latin-1"))
    return {name: values[0] for name, values in found.items() if len(values) == 1}
