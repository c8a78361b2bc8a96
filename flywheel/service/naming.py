"""Helping with a mistyped name."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """'Did you mean X? ' where one of the known names is close, else nothing."""
    close = get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return f"Did you mean {close[0]}? " if close else ""
