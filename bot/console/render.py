"""The workspace drawn in a terminal: messages in panels, threads indented, edits in one line."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.console.elements import Json
from bot.console.mrkdwn import to_rich
from bot.console.person import buttons
from bot.console.workspace import APP_USER, Change, OpenView, Posted, Workspace
from bot.views.card import CARD_BLOCK
from bot.views.tables import with_plain_tables

_INDENT = 4
_APART = frozenset(
    {"section", "actions", "table", "data_table"}
)  # blocks with an empty line before them


@dataclass(frozen=True)
class Button:
    """A button that can be pressed by its number, of a message or of a view."""

    place: Posted | OpenView
    block_id: str
    action_id: str
    text: str
    confirm: Json | None = None


class Screen:
    """Draws every change of a workspace, as one person sees it."""

    def __init__(self, workspace: Workspace, console: Console) -> None:
        self.buttons: dict[int, Button] = {}
        self._workspace = workspace
        self._console = console
        self._numbers: dict[tuple[str, str, str, str], int] = {}
        self._lines: dict[str, str] = {}
        self._drawn: dict[str, list[Json]] = {}

    def draw(self, change: Change) -> None:
        """Show one change."""
        message = change.message
        if message is not None and message.user == APP_USER:
            if change.kind == "edited" and _is_card(message):
                self._draw_edit(message)
            else:
                self._draw_message(message, edited=change.kind == "edited")
        elif change.view is not None:
            self._draw_view(change.kind, change.view)

    def typed(self, name: str, text: str) -> None:
        """What a person types, on a line of its own."""
        self.typed_start(name)
        self.typed_key(text)
        self.typed_end()

    def acts(self, name: str, what: str) -> None:
        """What a person does without typing."""
        self._console.print()
        self._console.print(Text.assemble((f"{name} ", "bold green"), (what, "italic")))

    def typed_start(self, name: str) -> None:
        """The beginning of a line that appears key by key."""
        self._console.print()
        self._console.print(Text(f"{name} ❯ ", "bold green"), end="")

    def typed_key(self, key: str) -> None:
        """The next part of it."""
        self._console.print(Text(key, "bold"), end="", soft_wrap=True)

    def typed_end(self) -> None:
        """Its end."""
        self._console.print()

    def note(self, text: str) -> None:
        """A line about the conversation that is not a part of it."""
        self._console.print(Text(text, "italic"))

    def _draw_files(self, message: Posted) -> None:
        """A terminal shows no pictures: what each shows in words, and where it is."""
        for file in message.files:
            line = f"{file['title']}: {file['alt_txt']} ({file['path']})"
            table = Table.grid(padding=(0, 1))
            table.add_row(Text("▣", "dim"), Text(line))
            self._console.print(Padding(table, (0, 0, 0, 1)))

    def _draw_message(self, message: Posted, edited: bool) -> None:
        if message.files:
            self._draw_files(message)
            return
        self._forget_buttons(message)
        where = [self._workspace.users[message.user], _clock(message.ts)]
        if message.broadcast:
            where.append("also sent to the channel")
        if edited:
            where = [where[0], "edited"]
        if message.only_for is not None:
            where.append(f"only {self._workspace.users[message.only_for]} sees this")
        self._lines[message.ts] = message.text
        body = Group(*self._blocks(message, self._drawn.get(message.ts) if edited else None))
        self._drawn[message.ts] = message.blocks
        if self._is_short(message):
            self._draw_short(message)
            return
        panel = Panel(
            body,
            box=ROUNDED,
            title=Text(" · ".join(where), "dim"),
            title_align="left",
            border_style="dim" if message.only_for else "blue",
            padding=(0, 1),
        )
        self._print(panel, message)

    def _is_short(self, message: Posted) -> bool:
        """One paragraph in a thread needs no frame."""
        return (
            message.thread_ts is not None
            and len(message.blocks) == 1
            and message.blocks[0]["type"] == "section"
            and message.text.count("\n") == 0
            and len(message.text) < 240
        )

    def _draw_short(self, message: Posted) -> None:
        line = to_rich(message.blocks[0]["text"]["text"], self._workspace.users)
        table = Table.grid(padding=(0, 1))
        table.add_row(Text("↳", "dim"), line)
        self._console.print(Padding(table, (0, 0, 0, 1)))

    def _draw_edit(self, message: Posted) -> None:
        """A card changes many times a minute: one line says what is new."""
        self._forget_buttons(message)
        if self._lines.get(message.ts) == message.text:
            return
        self._lines[message.ts] = message.text
        line = to_rich(message.text, self._workspace.users)
        line.stylize("dim")
        table = Table.grid(padding=(0, 1))
        table.add_row(Text("·", "dim"), line)
        self._console.print(Padding(table, (0, 0, 0, 1)))
        for button in buttons(message.blocks):
            self._number(message, button)

    def _draw_view(self, kind: str, opened: OpenView) -> None:
        self._forget_buttons(opened)
        match kind:
            case "view-opened" | "view-updated":
                self._draw_modal(opened)
            case "home":
                self._draw_home(opened)

    def _draw_home(self, opened: OpenView) -> None:
        parts: list[RenderableType] = []
        for position, block in enumerate(opened.view["blocks"]):
            if position and block["type"] in {"header", "divider"}:
                parts.append(Text())
            parts += list(self._block(block, opened))
        title = Text(" Home ", "bold")
        panel = Panel(Group(*parts), title=title, border_style="magenta", padding=(1, 2))
        self._console.print(panel)

    def _draw_modal(self, opened: OpenView) -> None:
        view = opened.view
        parts: list[RenderableType] = []
        for position, block in enumerate(view["blocks"]):
            if position:
                parts.append(Text())
            if block["type"] == "input":
                parts.append(Text(f"▸ {block['label']['text']}", "bold"))
                if "options" in block["element"]:
                    parts += [Padding(line, (0, 0, 0, 2)) for line in option_lines(block)]
                if "hint" in block:
                    parts.append(Text(block["hint"]["text"], "dim"))
            else:
                parts += list(self._block(block, opened))
        close = view.get("close", {}).get("text", "Close")
        footer = f"[{view['submit']['text']}]  [{close}]" if "submit" in view else f"close: {close}"
        self._console.print(
            Panel(
                Group(*parts, Text(), Text(footer, "bold")),
                title=Text(f" {view['title']['text']} ", "bold"),
                border_style="magenta",
                padding=(1, 2),
            )
        )

    def _print(self, shown: RenderableType, message: Posted) -> None:
        indent = 0 if message.thread_ts is None or message.broadcast else _INDENT
        self._console.print(Padding(shown, (0, 0, 0, indent)))

    def _blocks(
        self, message: Posted, before: list[Json] | None = None
    ) -> Iterator[RenderableType]:
        """The blocks of a message; after an edit its headline and what is new since `before`."""
        last = ""
        for block in message.blocks:
            if before is not None and block["type"] != "header" and block in before:
                continue
            if last and (block["type"] in _APART or last in {"table", "data_table"}):
                yield Text()
            yield from self._block(block, message)
            last = block["type"]
        if not message.blocks:
            yield to_rich(message.text, self._workspace.users)

    def _block(self, block: Json, place: Posted | OpenView) -> Iterator[RenderableType]:
        match block["type"]:
            case "header":
                yield Text(block["text"]["text"], "bold")
            case "section" if block["text"]["type"] == "plain_text":
                yield Padding(Text(block["text"]["text"]), (0, 0, 0, 2))
            case "section":
                yield to_rich(block["text"]["text"], self._workspace.users)
            case "context":
                for element in block["elements"]:
                    line = to_rich(element["text"], self._workspace.users)
                    line.stylize("dim")
                    yield line
            case "table" | "data_table":
                yield _table(block)
            case "actions":
                yield self._button_row(block, place)

    def _button_row(self, block: Json, place: Posted | OpenView) -> Text:
        row = Text()
        for button in buttons([block]):
            number = self._number(place, button)
            style = {"primary": "bold green", "danger": "bold red"}.get(
                button.get("style", ""), "bold"
            )
            row.append(f"[{number}] {button['text']['text']}", style)
            row.append("   ")
        return row

    def _number(self, place: Posted | OpenView, button: Json) -> int:
        text = button["text"]["text"]
        key = (_name(place), button["block_id"], button["action_id"], text)
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        self.buttons[number] = Button(
            place, button["block_id"], button["action_id"], text, button.get("confirm")
        )
        return number

    def _forget_buttons(self, place: Posted | OpenView) -> None:
        gone = [n for n, b in self.buttons.items() if _name(b.place) == _name(place)]
        for number in gone:
            del self.buttons[number]


def _name(place: Posted | OpenView) -> str:
    """Of a message, a modal, or somebody's Home tab, which is another view each time."""
    if isinstance(place, Posted):
        return place.ts
    return f"home of {place.user}" if place.view["type"] == "home" else place.id


def option_lines(block: Json) -> list[Text]:
    """The options of a select, the chosen one marked."""
    element = block["element"]
    marked = [*element.get("initial_options", []), element.get("initial_option", {})]
    chosen = {option.get("value") for option in marked}
    lines = []
    for number, option in enumerate(block["element"]["options"], start=1):
        mark = "●" if option["value"] in chosen else "○"
        line = Text(f"{mark} {number}. {option['text']['text']}")
        if "description" in option:
            line.append(f"  {option['description']['text']}", "dim")
        lines.append(line)
    return lines


def _table(block: Json) -> Table:
    if block["type"] == "data_table":
        (block,) = with_plain_tables([block])
    settings = block.get("column_settings", [])
    head, *rows = block["rows"]
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for i, cell in enumerate(head):
        right = i < len(settings) and settings[i].get("align") == "right"
        table.add_column(cell["text"], justify="right" if right else "left")
    for row in rows:
        table.add_row(*(Text(cell["text"]) for cell in row))
    return table


def _is_card(message: Posted) -> bool:
    return any(b.get("block_id", "").startswith(CARD_BLOCK) for b in message.blocks)


def _clock(ts: str) -> str:
    return f"{datetime.fromtimestamp(float(ts)).astimezone():%H:%M:%S}"
