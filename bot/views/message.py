"""A message, and the few block shapes that every view is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from bot.views.text import NOTHING, plain, plain_lines, shorten

# Slack refuses more than this; longer text is cut with an ellipsis.
SECTION_TEXT = 3000
CONTEXT_TEXT = 2000
HEADER_TEXT = 150
FALLBACK_TEXT = 3000
PLAIN_TEXT = 2000


@dataclass(frozen=True)
class Message:
    """What one Slack message shows; `text` is its reading for notifications and screen readers."""

    text: str
    blocks: list[Block] = field(default_factory=list)

    def block_dicts(self) -> list[dict[str, Any]]:
        """The blocks as Slack's Web API takes them."""
        return [block.to_dict() for block in self.blocks]


def header(text: str, block_id: str | None = None) -> HeaderBlock:
    """A headline in plain text."""
    return HeaderBlock(
        text=PlainTextObject(text=plain(text, HEADER_TEXT), emoji=False), block_id=block_id
    )


def section(text: str, block_id: str | None = None) -> SectionBlock:
    """A paragraph of mrkdwn that is already escaped."""
    return SectionBlock(
        text=MarkdownTextObject(text=shorten(text, SECTION_TEXT).strip() or NOTHING, verbatim=True),
        block_id=block_id,
    )


def quoted(text: str, limit: int, block_id: str | None = None) -> SectionBlock:
    """Somebody else's text, letter by letter: no mark-up takes effect in it."""
    return SectionBlock(
        text=PlainTextObject(text=plain_lines(text, min(limit, SECTION_TEXT)), emoji=False),
        block_id=block_id,
    )


def context(text: str, block_id: str | None = None) -> ContextBlock:
    """A line of small print in mrkdwn that is already escaped."""
    return ContextBlock(
        elements=[MarkdownTextObject(text=shorten(text, CONTEXT_TEXT), verbatim=True)],
        block_id=block_id,
    )


def message(text: str, blocks: Sequence[Block] | None = None) -> Message:
    """A message; without blocks the text is its only paragraph."""
    shown: list[Block] = list(blocks) if blocks is not None else [section(text)]
    return Message(shorten(text, FALLBACK_TEXT).strip() or NOTHING, shown)


def in_plain_words(sent: Message, error_id: str) -> Message:
    """What is left where Slack does not take the blocks; the mark of the message stays on it."""
    mark = next((block.block_id for block in sent.blocks if block.block_id), None)
    note = f"Slack does not take this message as it should be; it is logged as `{error_id}`."
    return Message(sent.text, [section(shorten(sent.text, PLAIN_TEXT), mark), context(note)])
