"""Serve with spans, and print each as it ends."""

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from mcp_auth_ref import Settings, create_app


def line(span: ReadableSpan) -> str:
    trace = f"{span.context.trace_id:032x}" if span.context else ""
    return f"{trace[:8]} {span.name} {dict(span.attributes or {})}\n"


exporter = ConsoleSpanExporter(formatter=line)
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
app = create_app(Settings.load(), tracer_provider=provider)
