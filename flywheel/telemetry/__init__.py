"""Spans for OpenTelemetry, off by default and without content unless asked for."""

from flywheel.telemetry.spans import OpenSpan, captures_content, set_up, span, use

__all__ = ["OpenSpan", "captures_content", "set_up", "span", "use"]
