"""The conversation in the terminal, letter by letter, against a file that people read.

Times, scores and digests are replaced by #: they are checked elsewhere. After a change that is
meant, FLYWHEEL_WRITE_GOLDEN=1 writes the file anew.
"""

import asyncio
import io
import os
import re
from pathlib import Path

import pytest
from rich.console import Console

from bot.console.render import Screen
from bot.console.session import Chat
from bot.views.results import APPROVE
from flywheel.settings import Settings
from tests.bot.conftest import ADA, SECONDS, Scene, scene_in, shown
from tests.bot.test_session import Script

GOLDEN = Path(__file__).parent / "golden" / "chat.txt"
SCHEDULE = "/flywheel schedule news every monday 06:00 Europe/London"
DECIDED = "*Decided:* tfidf-svm"  # on the results, which are edited after the thread was told
_PROGRESS = ("·", "↳", "▣")
_FRAMES = ("╭", "│", "╰")
_NUMBERS = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d( UTC)?|\d\d:\d\d:\d\d"), "#"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "#"),
    (re.compile(r"(?<![\w-])\d[\d,]*(\.\d+)?"), "#"),
    (re.compile(r"#( min| h| s| ms| days?| day)\b"), "#"),
)


def settled(text: str) -> str:
    """Without what differs from run to run: numbers, progress, and the width that they take."""
    found = []
    for line in text.splitlines():
        inner = line.lstrip()
        if inner.startswith(_PROGRESS) or (inner != line and not inner.startswith(_FRAMES)):
            continue  # how much of it is seen depends on the machine
        for pattern, instead in _NUMBERS:
            line = pattern.sub(instead, line)  # noqa: PLW2901
        found.append(re.sub(r"─{3,}", "───", re.sub(r" {2,}", "  ", line)).rstrip())
    return "\n".join(line for line in found if line.strip(" │")) + "\n"


@pytest.mark.slow
async def test_the_conversation_in_the_terminal_reads_like_this(quick: Settings) -> None:
    async with scene_in(quick, 600, worker=True) as scene:
        text = await _played(scene)
    found = settled(text)
    if os.environ.get("FLYWHEEL_WRITE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")


async def _played(scene: Scene) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False)
    screen = Screen(scene.stage.workspace, console)

    def number_of(action_id: str) -> str:
        return str(max(n for n, b in screen.buttons.items() if b.action_id == action_id))

    async def when_it_asks() -> str:
        async with asyncio.timeout(SECONDS):
            while not any(b.action_id == APPROVE for b in screen.buttons.values()):
                await asyncio.sleep(0.05)
        return number_of(APPROVE)

    async def once_said(part: str, then: str) -> str:
        """The next line, as soon as the results say this."""

        def look() -> bool | None:
            return True if any(part in shown(m) for m in scene.stage.workspace.messages) else None

        await scene.stage.workspace.wait_for(look, SECONDS)
        return then

    script = Script(
        "help",
        "/flywheel workloads",
        "/flywheel statsu",
        "/flywheel run news eval_size=150 candidates=tfidf-svm",
        when_it_asks,
        "no",
        "It is clear of the limit.",
        lambda: once_said(f"{DECIDED} was promoted", "@flywheel which model is best?"),
        "/flywheel rollback news It was only a test.",
        lambda: once_said(f"{DECIDED} was rolled back", SCHEDULE),
        "/flywheel policy news",
        "/flywheel results",
        "quit",
    )
    await Chat(scene.stage, screen, script, scene.stage.people[ADA]).run()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
