"""`flywheel chat`: a person at the terminal in conversation with the app."""

import asyncio
import getpass
import logging
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from rich.console import Console

from bot.console.elements import Json
from bot.console.person import Person
from bot.console.render import Screen
from bot.console.stage import Stage, open_stage
from bot.console.workspace import Change, OpenView, Posted
from flywheel.cli.context import stop_on_signals
from flywheel.cli.lines import LineReader
from flywheel.ports.backends import Backends
from flywheel.service.runs import list_runs
from flywheel.worker import run_worker

ME = "U0CONSOLE01"
_ANSWER_SECONDS = 60.0
_ACTIVE = frozenset({"pending", "running", "cancelling"})
_HELP = (
    "/flywheel …   the command, e.g. /flywheel workloads or /flywheel help",
    "1, 2, …       press the button with that number",
    "@flywheel …   ask in the channel; any other text asks in a direct message",
    "home          what waits for you, what runs, what serves: the Home tab",
    "close         close the modal that is open",
    "quit          leave (or Ctrl-D)",
)


def console_for(stream_width: int = 100) -> Console:
    """The terminal; 100 columns where the output is not one."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = stream_width
    return console


def log_to_file(home: Path) -> Path:
    """Keep the log out of the conversation; returns where it goes."""
    path = home / "console.log"
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers[:] = [handler]
    return path


async def chat(backends: Backends, console: Console) -> None:
    """Talk until the person leaves; a worker runs in this process meanwhile."""
    log_file = log_to_file(backends.settings.home)
    stop = stop_on_signals()
    people = {ME: getpass.getuser()}
    worker = asyncio.create_task(run_worker(backends, stop), name="worker")
    try:
        async with open_stage(backends, people, approvers=[ME]) as stage:
            screen = Screen(stage.workspace, console)
            console.print("This is flywheel in your terminal: the same app as in Slack.")
            console.print("Try `/flywheel workloads`, or `help`.", markup=False)
            console.print(f"The log is in {log_file}.\n", style="dim", soft_wrap=True)
            await Chat(stage, screen, LineReader(stop), stage.people[ME]).run()
            active = [v.id for v in await list_runs(backends) if v.status in _ACTIVE]
            if active:
                console.print(f"{', '.join(active)} goes on with the next worker or chat.")
    finally:
        stop.set()
        await worker


class Lines(Protocol):
    """Where lines come from."""

    async def read(self, prompt: str) -> str | None:
        """The next line, or None at the end."""
        ...

    def stepping_aside(self) -> AbstractContextManager[None]:
        """Makes room for something to be printed."""
        ...


class Chat:
    """Turns typed lines into what a person does in Slack."""

    def __init__(self, stage: Stage, screen: Screen, lines: Lines, me: Person) -> None:
        self._stage = stage
        self._screen = screen
        self._lines = lines
        self._me = me

    async def run(self) -> None:
        """Until `quit`, the end of the input or a signal."""
        self._stage.workspace.listeners[:] = [self._draw]
        while (line := await self._lines.read("❯ ")) is not None:
            line = line.strip()
            if line.lower() in {"quit", "exit", "q"}:
                return
            if not line:
                continue
            await self._handle(line)
            await self._stage.bot.inbox.idle()
            for opened in list(self._stage.workspace.views.values()):
                if "submit" in opened.view:
                    await self._fill(opened)

    def _draw(self, change: Change) -> None:
        with self._lines.stepping_aside():
            self._screen.draw(change)

    async def _handle(self, line: str) -> None:
        workspace = self._stage.workspace
        if line.lower() in {"help", "?"}:
            for text in _HELP:
                self._screen.note(text)
        elif line.lower() == "close":
            for opened in list(workspace.views.values()):
                workspace.close_view(opened.id)
        elif line.lower() == "home":
            await self._me.open_home()
        elif line.isdigit():
            await self._press(int(line))
        elif line.split(maxsplit=1)[0].lower() in {"/flywheel", "flywheel"}:
            await self._me.command(workspace.channel, line.partition(" ")[2].strip())
        elif line.startswith("/"):
            self._screen.note("The only command here is /flywheel; `/flywheel help` lists more.")
        elif line.lower().startswith("@flywheel"):
            await self._say(workspace.channel, line[len("@flywheel") :].strip())
        else:
            await self._say(workspace.direct_channel(self._me.id), line)

    async def _say(self, channel: str, text: str) -> None:
        asked = await self._me.say(channel, text)
        try:
            await self._stage.workspace.reply_to(asked, _ANSWER_SECONDS)
        except TimeoutError:
            self._screen.note("No answer came; the log says why.")

    async def _press(self, number: int) -> None:
        button = self._screen.buttons.get(number)
        if button is None:
            numbers = ", ".join(str(n) for n in sorted(self._screen.buttons)) or "none"
            self._screen.note(f"There is no button {number} now (there are: {numbers}).")
            return
        if button.confirm and not await self._agrees(button.confirm):
            return
        if isinstance(button.place, Posted):
            await self._me.press(button.place, button.action_id, button.block_id)
        else:
            await self._me.press_in(button.place, button.block_id, button.action_id, button.text)

    async def _agrees(self, confirm: Json) -> bool:
        self._screen.note(f"{confirm['title']['text']} {confirm['text']['text']}")
        answer = await self._lines.read(f"{confirm['confirm']['text']}? (y/n) ")
        return (answer or "").strip().lower() in {"y", "yes"}

    async def _fill(self, opened: OpenView) -> None:
        """Ask for every field, submit, and show what the app finds wrong with it."""
        values: dict[str, str] = {}
        inputs = [block for block in opened.view["blocks"] if block["type"] == "input"]
        wanted = {block["block_id"] for block in inputs}
        while True:
            for block in inputs:
                if block["block_id"] not in wanted:
                    continue
                value = await self._ask(block)
                if value is None:
                    self._stage.workspace.close_view(opened.id)
                    self._screen.note("Closed.")
                    return
                values[block["block_id"]] = value
            errors = await self._me.submit(opened, values)
            if not errors:
                await self._stage.bot.inbox.idle()
                return
            for problem in errors.values():
                self._screen.note(f"⚠ {problem}")
            wanted = set(errors)

    async def _ask(self, block: Json) -> str | None:
        """One field; '' leaves it as it is, None closes the modal."""
        element, label = block["element"], block["label"]["text"]
        match element["type"]:
            case "static_select":
                return await self._choose(element, label)
            case "multi_static_select":
                return await self._choose_some(element, label)
            case "conversations_select":
                return ""  # there is one channel here
        if block.get("optional"):
            hint = element.get("placeholder", {}).get("text", "nothing")
            answer = await self._lines.read(f"{label} (Enter: {hint}) ")
            return None if answer is None else answer.strip()
        answer = await self._lines.read(f"{label} (empty closes) ")
        return (answer or "").strip() or None

    async def _choose(self, element: Json, label: str) -> str | None:
        options = element["options"]
        chosen = element.get("initial_option", options[0])["value"]
        if len(options) == 1:
            return str(chosen)
        while True:
            answer = await self._lines.read(f"{label}? 1–{len(options)}, Enter for {chosen}: ")
            if answer is None:
                return None
            if not answer.strip():
                return str(chosen)
            if answer.strip().isdigit() and 1 <= int(answer) <= len(options):
                return str(options[int(answer) - 1]["value"])
            self._screen.note(f"Type a number from 1 to {len(options)}.")

    async def _choose_some(self, element: Json, label: str) -> str | None:
        options = element["options"]
        while True:
            answer = await self._lines.read(f"{label}? numbers with commas, Enter for the marked: ")
            if answer is None:
                return None
            numbers = [part.strip() for part in answer.split(",") if part.strip()]
            if all(n.isdigit() and 1 <= int(n) <= len(options) for n in numbers):
                return ",".join(str(options[int(n) - 1]["value"]) for n in numbers)
            self._screen.note(f"Type numbers from 1 to {len(options)}, for example 1, 2.")
