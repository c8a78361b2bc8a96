"""`flywheel demo`: a whole run in conversation, played by itself on a synthetic log."""

import asyncio
import getpass
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bot.console.person import Person, buttons
from bot.console.render import Screen
from bot.console.session import ME, Chat, console_for, log_to_file
from bot.console.stage import Stage, open_stage
from bot.console.workspace import OpenView, Posted
from bot.views.card import CARD_BLOCK
from bot.views.decision import REASON
from bot.views.results import APPROVE
from flywheel.cli.context import stop_on_signals
from flywheel.cli.lines import LineReader
from flywheel.clock import utc_now
from flywheel.formatting import count
from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files, write_sample
from flywheel.service.runs import get_run
from flywheel.worker import run_worker

WORKLOAD = "news_classifier"
RECORDS = 6_000
EVAL_SIZE = 400  # with 100, the intervals are too wide to learn much from
SEED = 7
_RUN_SECONDS = 300.0
_ANSWER_SECONDS = 30.0
OTHER = "U0CONSOLE02"
_REASON = "The interval is clear of the limit and the saving is worth it."
_KEY_SECONDS = 0.015


class DemoFailedError(Exception):
    """The conversation did not go as it should; says why."""


async def demo(backends: Backends) -> bool:
    """Play the conversation; in a terminal it stays open afterwards. False where it failed."""
    console = console_for()
    console.record = True
    log_to_file(backends.settings.home)
    stop = stop_on_signals()
    worker = asyncio.create_task(run_worker(backends, stop), name="worker")
    people = {ME: getpass.getuser(), OTHER: "sam"}
    try:
        await prepare(backends, console)
        async with open_stage(backends, people, approvers=[ME]) as stage:
            screen = Screen(stage.workspace, console)
            stage.workspace.listeners.append(screen.draw)
            play = Play(stage, screen, console)
            passed = await _until_stopped(play, stop, console)
            transcript = await asyncio.to_thread(_save, console, backends.settings.home)
            console.print(f"\nThe transcript of this conversation: {transcript}", soft_wrap=True)
            if passed and console.is_terminal and not stop.is_set():
                console.print("It is your turn: type `help`, or `quit` to leave.\n", markup=False)
                await Chat(stage, screen, LineReader(stop), stage.people[ME]).run()
            return passed
    finally:
        stop.set()
        await worker


async def _until_stopped(play: "Play", stop: asyncio.Event, console: Console) -> bool:
    playing = asyncio.create_task(play.all(), name="demo")
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not playing.done():
        playing.cancel()
        await asyncio.wait({playing})
        console.print("\nStopped.")
        return False
    try:
        playing.result()
    except (DemoFailedError, TimeoutError) as error:
        reason = str(error) or "nothing happened for too long"
        console.print(f"\nThe demo failed: {reason}", style="bold red", markup=False)
        return False
    return True


async def prepare(backends: Backends, console: Console) -> None:
    """Write the synthetic log and import it; records that are there already are left alone."""
    folder = backends.settings.home / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{WORKLOAD}.jsonl"
    console.rule("flywheel demo")
    console.print(
        f"The log of this demo is synthetic: {count(RECORDS)} made-up headlines, each with the "
        "answer that a big model might have given. The models trained on it are real and run "
        "on this machine; what they score here says nothing about your own traffic."
    )
    await write_sample(path, RECORDS, SEED)
    await import_files(backends.logs, [path], reject_dir=folder / "rejected")


def _save(console: Console, home: Path) -> Path:
    folder = home / "transcripts"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"demo-{utc_now():%Y%m%d-%H%M%S}.txt"
    lines = console.export_text(clear=True).splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
    return path


class Play:
    """The conversation, one exchange after the other."""

    def __init__(self, stage: Stage, screen: Screen, console: Console) -> None:
        self._stage = stage
        self._workspace = stage.workspace
        self._screen = screen
        self._console = console
        self._me = stage.people[ME]
        self._other = stage.people[OTHER]

    async def all(self) -> None:
        """Every exchange. Raises DemoFailedError, or TimeoutError where nothing happens."""
        await self._command("workloads")
        results = await self.run()
        await self._pictures(results)
        await self.ask("which model is best and how much cheaper is it?", results)
        if self._can_approve(results):
            await self._refused(results)
            await self._approve(results)
            await self._roll_back(results)
        else:
            self._screen.note("The policy does not recommend a model here: nothing to approve.")
        self._closing()

    async def _command(self, text: str) -> None:
        seen = len(self._workspace.changes)
        await self._type(self._me, f"/flywheel {text}")
        await self._me.command(self._workspace.channel, text)
        await self._stage.bot.inbox.idle()
        if len(self._workspace.changes) == seen:
            raise DemoFailedError(f"`/flywheel {text}` was not answered.")

    async def run(self) -> Posted:
        """Start a run and wait for its results."""
        seen = len(self._workspace.changes)
        await self._command(f"run {WORKLOAD} eval_size={EVAL_SIZE}")
        new = [c.message for c in self._workspace.changes[seen:] if c.message is not None]
        card = next((m for m in new if _block_id(m).startswith(CARD_BLOCK)), None)
        if card is None:
            raise DemoFailedError(new[0].text if new else "the run was not started.")
        run_id = _block_id(card).removeprefix(CARD_BLOCK)

        def over() -> Posted | None:
            if buttons(card.blocks):  # it can still be cancelled
                return None
            thread = self._workspace.thread(card.channel, card.ts)
            return next((m for m in thread[1:] if m.text.startswith(f"Results of {run_id} ")), None)

        return await self._watch(run_id, over)

    async def _watch(self, run_id: str, over: Callable[[], Posted | None]) -> Posted:
        """The results, or the reason why there will be none."""
        async with asyncio.timeout(_RUN_SECONDS):
            while True:
                try:
                    return await self._workspace.wait_for(over, 1.0)
                except TimeoutError:
                    view = await get_run(self._stage.bot.backends, run_id)
                    if view.status in {"failed", "cancelled"}:
                        raise DemoFailedError(view.error or f"{run_id} {view.status}.") from None

    async def _pictures(self, results: Posted) -> None:
        """Wait for the pictures, which are drawn meanwhile."""
        thread_ts = results.thread_ts or results.ts

        def posted() -> Posted | None:
            thread = self._workspace.thread(results.channel, thread_ts)
            return next((message for message in thread if message.files), None)

        await self._workspace.wait_for(posted, _ANSWER_SECONDS)

    async def ask(self, question: str, about: Posted) -> None:
        """Ask in the thread of the results."""
        await self._type(self._me, f"@flywheel {question}")
        asked = await self._me.say(self._workspace.channel, question, about.thread_ts)
        await self._workspace.reply_to(asked, _ANSWER_SECONDS)

    async def _press(self, person: Person, results: Posted) -> None:
        if not self._can_approve(results):
            raise DemoFailedError("the button went away: a newer run of the workload has ended.")
        await person.press(results, APPROVE)

    def _can_approve(self, results: Posted) -> bool:
        return any(button["action_id"] == APPROVE for button in buttons(results.blocks))

    async def _refused(self, results: Posted) -> None:
        """Somebody who may not approve tries."""
        seen = len(self._workspace.changes)
        self._screen.acts(self._other.name, "presses Approve & promote")
        await self._press(self._other, results)
        await self._stage.bot.inbox.idle()
        if self._workspace.views or len(self._workspace.changes) == seen:
            raise DemoFailedError("somebody who is no approver was not refused.")

    async def _approve(self, results: Posted) -> None:
        self._screen.acts(self._me.name, "presses Approve & promote")
        await self._press(self._me, results)
        opened = await self._workspace.wait_for(self._modal, _ANSWER_SECONDS)
        self._screen.acts(self._me.name, f"keeps the model, writes “{_REASON}” and approves")
        errors = await self._me.submit(opened, {REASON: _REASON})
        if errors:
            raise DemoFailedError(" ".join(errors.values()))
        await self._stage.bot.inbox.idle()

        def decided() -> bool | None:
            return None if self._can_approve(results) else True

        await self._workspace.wait_for(decided, _ANSWER_SECONDS)

    async def _roll_back(self, results: Posted) -> None:
        await self._command(f"rollback {WORKLOAD} this was only a demo")

        def noted() -> bool | None:
            return True if "was rolled back" in str(results.blocks) else None

        await self._workspace.wait_for(noted, _ANSWER_SECONDS)

    def _modal(self) -> OpenView | None:
        return next(iter(self._workspace.views.values()), None)

    async def _type(self, person: Person, text: str) -> None:
        """Show what a person types; in a terminal key by key."""
        if not self._console.is_terminal:
            self._screen.typed(person.name, text)
            return
        self._screen.typed_start(person.name)
        for key in text:
            self._screen.typed_key(key)
            await asyncio.sleep(_KEY_SECONDS)
        self._screen.typed_end()

    def _closing(self) -> None:
        self._console.print()
        self._console.rule()
        self._console.print(
            "That was a whole turn of the flywheel: a log became datasets, datasets became "
            "models, models were scored, and people decided. With your own log:"
        )
        for line in (
            "  flywheel logs import YOUR.jsonl   bring your log",
            "  flywheel chat                     this conversation, with you in it",
            "  flywheel up                       the same in Slack (config/slack-manifest.yaml)",
        ):
            self._console.print(line, markup=False)


def _block_id(message: Posted) -> str:
    return str(message.blocks[0].get("block_id", "")) if message.blocks else ""
