"""Slack's limits on buttons, selects, inputs and texts: the parts of blocks."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

ID = 255
OPTIONS = 100

Json = dict[str, Any]


def element_problems(element: Json) -> Iterator[str]:
    """Why Slack would refuse an element."""
    check = _ELEMENTS.get(element.get("type", ""))
    if check is None:
        yield f"unknown element {element.get('type')!r}"
        return
    if "placeholder" in element:
        yield from text_problems(element["placeholder"], 150, "a placeholder", "plain_text")
    yield from check(element)


def text_problems(text: Any, most: int, what: str, kind: str | None = None) -> list[str]:
    """Why Slack would refuse a text object of 1 to `most` characters."""
    if not isinstance(text, dict) or text.get("type") not in {"plain_text", "mrkdwn"}:
        return [f"{what} is not a text"]
    problems = []
    if kind is not None and text["type"] != kind:
        problems.append(f"{what} must be {kind}")
    length = len(text.get("text") or "")
    if not 1 <= length <= most:
        problems.append(f"{what} must have 1 to {most:,} characters, not {length:,}")
    return problems


def unique(ids: Sequence[str], what: str) -> Iterator[str]:
    """Why Slack would refuse these names next to each other."""
    if len(set(ids)) != len(ids):
        yield f"a {what} appears twice"
    if any(not 1 <= len(name) <= ID for name in ids):
        yield f"a {what} is empty or longer than {ID} characters"


def _button(element: Json) -> Iterator[str]:
    yield from text_problems(element.get("text"), 75, "a button's text", "plain_text")
    if len(element.get("value", "")) > 2_000:
        yield "a button's value is longer than 2,000 characters"
    if element.get("style") not in {None, "primary", "danger"}:
        yield "a button's style is unknown"
    if len(element.get("accessibility_label", "")) > 75:
        yield "a button's accessibility_label is longer than 75 characters"
    if "confirm" in element:
        yield from _confirm(element["confirm"])


def _select(element: Json) -> Iterator[str]:
    options = element.get("options", [])
    if not 1 <= len(options) <= OPTIONS:
        yield f"a select needs 1 to {OPTIONS} options"
    for option in options:
        yield from _option(option)
    yield from unique([o.get("value", "") for o in options], "option value")
    initial = [*element.get("initial_options", [])]
    if "initial_option" in element:
        initial.append(element["initial_option"])
    if any(option not in options for option in initial):
        yield "the initial option is not among the options"


def _overflow(element: Json) -> Iterator[str]:
    options = element.get("options", [])
    if not 1 <= len(options) <= 5:
        yield "an overflow menu needs 1 to 5 options"
    for option in options:
        yield from _option(option)
    yield from unique([o.get("value", "") for o in options], "option value")


def _option(option: Json) -> Iterator[str]:
    yield from text_problems(option.get("text"), 75, "an option's text")
    if not 1 <= len(option.get("value", "")) <= 150:
        yield "an option's value must have 1 to 150 characters"
    if "description" in option:
        yield from text_problems(option["description"], 75, "an option's description", "plain_text")


def _text_input(element: Json) -> Iterator[str]:
    if not 0 < element.get("max_length", 1) <= 3_000:
        yield "max_length must be 1 to 3,000"


def _confirm(confirm: Json) -> Iterator[str]:
    yield from text_problems(confirm.get("title"), 100, "a confirmation's title", "plain_text")
    yield from text_problems(confirm.get("text"), 300, "a confirmation's text")
    for key in ("confirm", "deny"):
        yield from text_problems(confirm.get(key), 30, f"a confirmation's {key}", "plain_text")


_ELEMENTS: dict[str, Callable[[Json], Iterator[str]]] = {
    "button": _button,
    "static_select": _select,
    "multi_static_select": _select,
    "conversations_select": lambda _: iter(()),
    "overflow": _overflow,
    "plain_text_input": _text_input,
}
