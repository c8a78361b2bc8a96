"""Tables: as a block, and as plain text where they are too big for one."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block, RawTextObject, TableBlock, TableBlockColumnSettings

from bot.views.message import section
from bot.views.text import ELLIPSIS, escape, plain

TABLE_ROWS = 100
TABLE_TEXT = 3500  # a message holds about 9,600 characters in all
_PREFORMATTED = 2800
_CELL = 32

Row = Sequence[str]


def table(rows: Sequence[Row], block_id: str, right: frozenset[int] = frozenset()) -> Block:
    """Rows of plain text, the first one the heads; the columns `right` stand to the right."""
    size = sum(len(cell) for row in rows for cell in row)
    if len(rows) > TABLE_ROWS or size > TABLE_TEXT:
        return section(_preformatted(rows), block_id)
    return TableBlock(
        block_id=block_id,
        rows=[[RawTextObject(text=cell) for cell in row] for row in rows],
        column_settings=[
            TableBlockColumnSettings(align="right" if i in right else "left", is_wrapped=i == 0)
            for i in range(len(rows[0]))
        ],
    )


def _preformatted(rows: Sequence[Row]) -> str:
    columns = range(len(rows[0]))
    short = [tuple(plain(cell, _CELL) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in short) for i in columns]
    lines = [
        escape("  ".join(row[i].ljust(widths[i]) for i in columns).rstrip()).replace("`", "ʼ")
        for row in short
    ]
    shown: list[str] = []
    for line in lines:
        if len("\n".join([*shown, line])) > _PREFORMATTED:
            break
        shown.append(line)
    rest = len(lines) - len(shown)
    more = f"\n{ELLIPSIS} and {rest} more" if rest else ""
    text = "\n".join(shown)
    return f"```\n{text}\n```{more}"
