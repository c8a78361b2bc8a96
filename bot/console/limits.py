"""Slack's limits on what an app may send, checked the way Slack's Web API refuses it.

The numbers are those of Slack's Block Kit reference.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bot.console.elements import Json, element_problems, text_problems, unique

MESSAGE_TEXT = 40_000
MESSAGE_BLOCKS = 50
MODAL_BLOCKS = 100
ALL_TEXT = 9_600  # of all blocks of one message together
PRIVATE_METADATA = 3_000
_TABLES = frozenset({"table", "data_table"})
_OF_MODALS = ("title", "submit", "close")


def message_problems(blocks: Sequence[Json]) -> list[str]:
    """Why Slack would refuse these blocks in a message; empty where it would not."""
    problems = [*_blocks(blocks, MESSAGE_BLOCKS)]
    if sum(len(text) for text in texts(blocks)) > ALL_TEXT:
        problems.append(f"the blocks hold more than {ALL_TEXT} characters")
    if sum(block.get("type") in _TABLES for block in blocks) > 1:
        problems.append("a message holds one table at most")
    if any(block.get("type") == "input" for block in blocks):
        problems.append("input blocks belong into modals")
    return problems


def view_problems(view: Json) -> list[str]:
    """Why Slack would refuse this modal or Home tab; empty where it would not."""
    blocks = view.get("blocks") or []
    problems = [*_blocks(blocks, MODAL_BLOCKS)]
    if not blocks:
        problems.append("a view needs blocks")
    if len(view.get("private_metadata", "")) > PRIVATE_METADATA:
        problems.append(f"private_metadata is longer than {PRIVATE_METADATA} characters")
    if any(block.get("type") in _TABLES for block in blocks):
        problems.append("tables belong into messages")
    match view.get("type"):
        case "modal":
            problems += _modal(view, blocks)
        case "home":
            problems += [f"a Home tab has no {key}" for key in _OF_MODALS if key in view]
        case _:
            problems.append("the view is neither a modal nor a Home tab")
    return problems


def _modal(view: Json, blocks: Sequence[Json]) -> Iterator[str]:
    for key in _OF_MODALS:
        if key in view:
            yield from text_problems(view[key], 24, f"the modal's {key}", "plain_text")
    if "title" not in view:
        yield "a modal needs a title"
    if any(b.get("type") == "input" for b in blocks) and "submit" not in view:
        yield "a modal with inputs needs a submit button"


def texts(value: Any) -> Iterator[str]:
    """Every text that a reader sees."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for key, part in value.items():
            if key != "text" or not isinstance(part, str):
                yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def _blocks(blocks: Sequence[Json], most: int) -> Iterator[str]:
    if len(blocks) > most:
        yield f"more than {most} blocks"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    yield from unique(ids, "block_id")
    for block in blocks:
        yield from unique([e["action_id"] for e in _elements(block)], "action_id")
    for position, block in enumerate(blocks):
        yield from (f"block {position}: {problem}" for problem in _block(block))


def _elements(block: Json) -> list[Json]:
    """The interactive elements of a block."""
    elements = list(block.get("elements", [])) if block.get("type") == "actions" else []
    if block.get("type") == "input":
        elements.append(block.get("element", {}))
    return [element for element in elements if "action_id" in element]


def _block(block: Json) -> Iterator[str]:
    check = _CHECKS.get(block.get("type", ""))
    if check is None:
        yield f"unknown type {block.get('type')!r}"
    else:
        yield from check(block)


def _section(block: Json) -> Iterator[str]:
    if "text" not in block and not block.get("fields"):
        yield "a section needs text or fields"
    if "text" in block:
        yield from text_problems(block["text"], 3_000, "text")
    if len(block.get("fields", [])) > 10:
        yield "more than 10 fields"
    for part in block.get("fields", []):
        yield from text_problems(part, 2_000, "a field")


def _header(block: Json) -> Iterator[str]:
    yield from text_problems(block.get("text"), 150, "text", "plain_text")


def _context(block: Json) -> Iterator[str]:
    if not 1 <= len(block.get("elements", [])) <= 10:
        yield "a context needs 1 to 10 elements"
    for part in block.get("elements", []):
        yield from text_problems(part, 3_000, "an element")


def _actions(block: Json) -> Iterator[str]:
    if not 1 <= len(block.get("elements", [])) <= 25:
        yield "an actions block needs 1 to 25 elements"
    for part in block.get("elements", []):
        yield from element_problems(part)


def _input(block: Json) -> Iterator[str]:
    yield from text_problems(block.get("label"), 2_000, "label", "plain_text")
    if "hint" in block:
        yield from text_problems(block["hint"], 2_000, "hint", "plain_text")
    yield from element_problems(block.get("element", {}))


def _table(block: Json) -> Iterator[str]:
    rows = block.get("rows", [])
    if not 1 <= len(rows) <= 100:
        yield "a table needs 1 to 100 rows"
    if any(not 1 <= len(row) <= 20 for row in rows):
        yield "a table's row needs 1 to 20 cells"
    if len({len(row) for row in rows}) > 1:
        yield "a table's rows differ in length"
    if len(block.get("column_settings", [])) > 20:
        yield "more than 20 column settings"
    for row in rows:
        for cell in row:
            if cell.get("type") != "raw_text" or not cell.get("text"):
                yield "a table's cell needs text"


def _data_table(block: Json) -> Iterator[str]:
    rows = block.get("rows", [])
    if not 2 <= len(rows) <= 101:
        yield "a data_table needs 2 to 101 rows"
    if any(not 1 <= len(row) <= 20 for row in rows):
        yield "a data_table's row needs 1 to 20 cells"
    if len({len(row) for row in rows}) > 1:
        yield "a data_table's rows differ in length"
    if not block.get("caption"):
        yield "a data_table needs a caption"
    if not 1 <= block.get("page_size", 5) <= 100:
        yield "page_size must be 1 to 100"
    cells = [cell for row in rows for cell in row]
    if sum(len(cell.get("text", "")) for cell in cells) > 10_000:
        yield "a data_table holds more than 10,000 characters"
    for cell in cells:
        if cell.get("type") not in {"raw_text", "raw_number"} or not cell.get("text"):
            yield "a data_table's cell needs text"
        if cell.get("type") == "raw_number" and not isinstance(cell.get("value"), int | float):
            yield "a data_table's number needs a value"


_CHECKS: dict[str, Callable[[Json], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "divider": lambda _: iter(()),
    "input": _input,
    "table": _table,
    "data_table": _data_table,
}
