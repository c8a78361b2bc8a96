"""Flywheel: from production logs of one LLM workload to a small model that may take it over."""

__version__ = "0.1.0"
