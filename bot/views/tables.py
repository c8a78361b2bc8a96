"""Tables: a block that sorts and pages; where a workspace has none, one that does not.

What is too big for a block is plain text.
"""

from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import Block

from bot.views.message import section
from bot.views.text import ELLIPSIS, escape, plain

TABLE_ROWS = 100
TABLE_TEXT = 3500  # a message holds about 9,600 characters in all
_PREFORMATTED = 2800
_CELL = 32
_CAPTION = 150

_PAGE = 10
DATA_TABLE = "data_table"

Row = Sequence[str]
Json = dict[str, Any]


class Number(str):
    """A number as it reads, with the value that it is sorted by."""

    value: float

    def __new__(cls, text: str, value: float) -> "Number":
        """`text` is what people see."""
        made = super().__new__(cls, text)
        made.value = value
        return made


class DataTableBlock(Block):
    """Slack's `data_table`, for which its library has no class yet."""

    type = DATA_TABLE

    def __init__(self, *, rows: Sequence[Row], caption: str, block_id: str) -> None:
        super().__init__(type=self.type, block_id=block_id)
        self.rows = rows
        self.caption = caption

    def to_dict(self) -> Json:
        """As Slack's Web API takes it."""
        return {
            "type": self.type,
            "block_id": self.block_id,
            "caption": self.caption,
            "page_size": _PAGE,
            "row_header_column_index": 0,
            "rows": [[_cell(cell) for cell in row] for row in self.rows],
        }


def table(rows: Sequence[Row], block_id: str, caption: str) -> Block:
    """Rows of plain text, the first one the heads; `caption` says what they are."""
    size = sum(len(cell) for row in rows for cell in row)
    if len(rows) > TABLE_ROWS or size > TABLE_TEXT:
        return section(_preformatted(rows), block_id)
    return DataTableBlock(rows=rows, caption=plain(caption, _CAPTION), block_id=block_id)


def has_data_table(blocks: Sequence[Json]) -> bool:
    """Whether a workspace might refuse these blocks for their table."""
    return any(block["type"] == DATA_TABLE for block in blocks)


def with_plain_tables(blocks: Sequence[Json]) -> list[Json]:
    """The same blocks for a workspace that has only the older `table`."""
    return [_plain_table(block) if block["type"] == DATA_TABLE else block for block in blocks]


def _plain_table(block: Json) -> Json:
    columns = range(len(block["rows"][0]))
    right = {i for i in columns if any(row[i]["type"] == "raw_number" for row in block["rows"])}
    return {
        "type": "table",
        "block_id": block["block_id"],
        "rows": [
            [{"type": "raw_text", "text": cell["text"]} for cell in row] for row in block["rows"]
        ],
        "column_settings": [
            {"align": "right" if i in right else "left", "is_wrapped": i == 0} for i in columns
        ],
    }


def _cell(text: str) -> Json:
    if isinstance(text, Number):
        return {"type": "raw_number", "value": text.value, "text": str(text)}
    return {"type": "raw_text", "text": text}


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
