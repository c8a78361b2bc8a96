"""What three others say of a payload: our own limits, Slack's own models, and slackblocks.

Slack's library parses it, slackblocks builds it anew and refuses what is beyond a limit.
"""

from collections.abc import Callable
from typing import Any

import slackblocks as sb
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.console.limits import message_problems, view_problems
from bot.views.message import Message
from bot.views.tables import with_plain_tables

Json = dict[str, Any]
_OWN = frozenset({"data_table"})  # slack_sdk has no class for it


def sound(shown: Message) -> None:
    """A message that Slack takes, and a Slack without tables that sort as well."""
    for blocks in (shown.block_dicts(), with_plain_tables(shown.block_dicts())):
        _sound(shown, blocks)


def _sound(shown: Message, blocks: list[Json]) -> None:
    assert message_problems(blocks) == []
    assert shown.text.strip()
    assert len(shown.text) <= 3000
    _parsed(blocks)
    sb.Message(channel="C1", text=shown.text, blocks=[built(block) for block in blocks])


def sound_view(view: View) -> None:
    """A modal or Home tab that Slack takes."""
    shown: Json = view.to_dict()
    assert view_problems(shown) == []
    _parsed(shown["blocks"])
    blocks = [built(block) for block in shown["blocks"]]
    more = {key: shown.get(key) for key in ("private_metadata", "callback_id")}
    if shown["type"] == "home":
        sb.HomeTabView(blocks=blocks, **more)
    else:
        texts = {k: shown[k]["text"] for k in ("title", "submit", "close") if k in shown}
        sb.ModalView(blocks=blocks, **texts, **more)


def _parsed(blocks: list[Json]) -> None:
    known = [block for block in blocks if block["type"] not in _OWN]
    parsed = Block.parse_all(known)
    assert [block.to_dict() for block in parsed] == known


def built(block: Json) -> sb.Block:
    """The block by slackblocks. Raises InvalidUsageError where it is beyond a limit."""
    return _BLOCKS[block["type"]](block, block.get("block_id"))


def _context(block: Json, block_id: str | None) -> sb.Block:
    return sb.ContextBlock([_text(part) for part in block["elements"]], block_id)


def _actions(block: Json, block_id: str | None) -> sb.Block:
    return sb.ActionsBlock([_element(part) for part in block["elements"]], block_id)


def _input(block: Json, block_id: str | None) -> sb.Block:
    return sb.InputBlock(
        label=_text(block["label"]),
        element=_element(block["element"]),
        block_id=block_id,
        optional=block.get("optional", False),
    )


def _table(block: Json, block_id: str | None) -> sb.Block:
    rows = [[sb.RawText(cell["text"]) for cell in row] for row in block["rows"]]
    return sb.TableBlock(
        rows, [sb.ColumnSettings(**column) for column in block["column_settings"]], block_id
    )


def _data_table(block: Json, block_id: str | None) -> sb.Block:
    rows = [
        [
            sb.RawNumber(cell["value"], cell["text"])
            if cell["type"] == "raw_number"
            else sb.RawText(cell["text"])
            for cell in row
        ]
        for row in block["rows"]
    ]
    return sb.DataTableBlock(rows, block["caption"], block["page_size"], block_id=block_id)


_BLOCKS: dict[str, Callable[[Json, str | None], sb.Block]] = {
    "header": lambda block, block_id: sb.HeaderBlock(block["text"]["text"], block_id),
    "section": lambda block, block_id: sb.SectionBlock(_text(block["text"]), block_id),
    "divider": lambda _, block_id: sb.DividerBlock(block_id),
    "context": _context,
    "actions": _actions,
    "input": _input,
    "table": _table,
    "data_table": _data_table,
}


def _text(text: Json) -> sb.Text:
    if text["type"] == "plain_text":
        return sb.Text(text["text"], sb.TextType.PLAINTEXT, emoji=text.get("emoji", False))
    return sb.Text(text["text"], verbatim=text.get("verbatim", False))


def _element(element: Json) -> sb.Element:
    action_id = element["action_id"]
    match element["type"]:
        case "button":
            return sb.Button(
                text=_text(element["text"]),
                action_id=action_id,
                value=element.get("value"),
                style=element.get("style"),
                confirm=_confirm(element.get("confirm")),
                accessibility_label=element.get("accessibility_label"),
            )
        case "overflow":
            return sb.OverflowMenu(action_id, _options(element))
        case "static_select":
            first = (
                _options({"options": [element["initial_option"]]})
                if ("initial_option" in element)
                else [None]
            )
            return sb.StaticSelectMenu(
                action_id,
                _options(element),
                initial_option=first[0],
                placeholder=_placeholder(element),
            )
        case "multi_static_select":
            return sb.StaticMultiSelectMenu(
                action_id=action_id,
                options=_options(element),
                placeholder=_placeholder(element),
            )
        case "conversations_select":
            return sb.ConversationSelectMenu(action_id=action_id, placeholder=_placeholder(element))
        case "plain_text_input":
            return sb.PlainTextInput(
                action_id,
                multiline=element.get("multiline", False),
                max_length=element.get("max_length"),
                placeholder=_placeholder(element),
            )
        case other:
            raise AssertionError(f"no oracle for elements of type {other}")


def _placeholder(element: Json) -> sb.Text | None:
    return _text(element["placeholder"]) if "placeholder" in element else None


def _options(element: Json) -> list[sb.Option]:
    return [
        sb.Option(
            _text(option["text"]),
            option["value"],
            _text(option["description"]) if "description" in option else None,
        )
        for option in element["options"]
    ]


def _confirm(confirm: Json | None) -> sb.ConfirmationDialogue | None:
    if confirm is None:
        return None
    title, text, yes, no = (_text(confirm[key]) for key in ("title", "text", "confirm", "deny"))
    return sb.ConfirmationDialogue(title, text, yes, no, confirm.get("style"))
