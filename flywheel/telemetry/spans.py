"""One way to make a span. Where no tracer is in use it costs nothing and imports nothing."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger(__name__)

Value = str | bool | int | float | Sequence[str]

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

_tracer: "Tracer | None" = None


def set_up(environ: Mapping[str, str] = os.environ) -> None:
    """Send spans to OTEL_EXPORTER_OTLP_ENDPOINT by OTLP over HTTP, where that is set.

    A provider that is there already, like that of `opentelemetry-instrument`, is used instead.
    """
    if _tracer is not None or not any(environ.get(name) for name in ENDPOINTS):
        return
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        log.warning(
            "%s is set, but no spans are sent: pip install 'flywheel[telemetry]'.", ENDPOINTS[0]
        )
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "flywheel"}
        provider = TracerProvider(resource=Resource.create(named))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    use(trace.get_tracer("flywheel"))


def use(tracer: "Tracer | None") -> None:
    """Make spans by that tracer from now on; None makes none."""
    global _tracer  # noqa: PLW0603 - a process has one
    _tracer = tracer


def tracer() -> "Tracer | None":
    """The one in use."""
    return _tracer


def captures_content(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether spans may hold what people, logs and models say."""
    return environ.get(CONTENT, "").strip().lower() == "true"


class OpenSpan:
    """A span that is not over, or nothing where none is made."""

    def __init__(self, opened: "Span | None") -> None:
        self.span = opened

    def set(self, **attributes: Value | None) -> None:
        """Add attributes; None is left out."""
        if self.span is not None:
            self.span.set_attributes(known(attributes))

    def fail(self, error: BaseException) -> None:
        """Mark it as failed. What the error says stays out: it may quote content."""
        if self.span is not None:
            from opentelemetry.trace import StatusCode

            self.set(**{"error.type": getattr(error, "trouble", type(error).__qualname__)})
            self.span.set_status(StatusCode.ERROR)


@contextmanager
def span(name: str, **attributes: Value | None) -> Iterator[OpenSpan]:
    """A span around what happens inside; attributes with dots go as `**{"gen_ai.…": …}`."""
    if _tracer is None:
        yield OpenSpan(None)
        return
    with _tracer.start_as_current_span(
        name, attributes=known(attributes), record_exception=False, set_status_on_exception=False
    ) as current:
        opened = OpenSpan(current)
        try:
            yield opened
        except BaseException as error:
            opened.fail(error)
            raise


def known(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    """Those that have a value."""
    return {name: value for name, value in attributes.items() if value is not None}
