"""The terminal conversation: what is typed does what it does in Slack."""

import io
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console

from bot.console.render import Screen
from bot.console.session import Chat
from bot.console.workspace import Posted
from flywheel.service.promotions import incumbents
from flywheel.service.runs import get_run
from tests.bot.conftest import ADA, Scene

Line = str | Callable[[], Awaitable[str]]


class Script:
    """Lines that are typed one after the other; some wait for something to happen first."""

    def __init__(self, *lines: Line) -> None:
        self._lines = list(lines)
        self.prompts: list[str] = []

    async def read(self, prompt: str) -> str | None:
        """The next line of the script."""
        self.prompts.append(prompt)
        if not self._lines:
            return None
        line = self._lines.pop(0)
        return line if isinstance(line, str) else await line()

    def stepping_aside(self) -> AbstractContextManager[None]:
        """Nothing is on the screen."""
        return nullcontext()


async def played(scene: Scene, *lines: Line) -> tuple[str, list[str]]:
    """What ada sees of a conversation, and what she was asked."""
    console = Console(file=io.StringIO(), width=100, highlight=False)
    screen, script = Screen(scene.stage.workspace, console), Script(*lines)
    await Chat(scene.stage, screen, script, scene.stage.people[ADA]).run()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), script.prompts


async def test_a_promotion_from_the_keyboard(completed_scene: Scene) -> None:
    scene = completed_scene

    async def approve() -> str:
        card = await scene.announced("r-1")
        await scene.reply(card, "Results of r-1")
        await scene.until_text(card, "The results are in the thread.")
        return "2"

    seen, prompts = await played(
        scene,
        "/flywheel run news",
        approve,
        "3",
        "1",
        "no",
        "it is clear of the limit",
        "quit",
    )
    assert "[1] Cancel" in seen
    assert "[2] Approve & promote   [3] Reject" in seen
    assert seen.count("Say in a few words why") == 1
    assert seen.count("Type a number from 1 to 2.") == 1
    which, again, *why = (p for p in prompts if p != "❯ ")
    assert which == again
    assert "1–2, Enter for " in which
    assert why == ["Why does it take over? (empty closes) "] * 2
    assert [p.reason for p in await incumbents(scene.backends)] == ["it is clear of the limit"]


async def test_a_button_that_asks_back(scene: Scene) -> None:
    seen, prompts = await played(scene, "/flywheel run news", "1", "n", "1", "y", "quit")
    assert prompts.count("Cancel the run? (y/n) ") == 2
    assert "Run r-1 on news stops" in seen
    assert (await get_run(scene.backends, "r-1")).status == "cancelling"


async def test_questions_are_answered_before_the_next_prompt(scene: Scene) -> None:
    seen, _ = await played(scene, "@flywheel what runs are there?", "", "and workloads?")
    assert seen.count("╭─ flywheel") == 2
    answers = [m for m in scene.stage.workspace.messages if _by_app(m)]
    assert [m.channel in scene.stage.workspace.direct for m in answers] == [False, True]


def _by_app(message: Posted) -> bool:
    return message.thread_ts is not None
