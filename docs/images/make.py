"""Draws docs/images/conversation.svg from a real run: `python docs/images/make.py`.

Plays the demo's run and question in an empty home; the picture starts with the results.
"""

import asyncio
import io
import re
import tempfile
from pathlib import Path

from rich.console import Console

from bot.console.demo import OTHER, WORKLOAD, Play, prepare
from bot.console.render import Screen
from bot.console.session import ME
from bot.console.stage import open_stage
from bot.console.workspace import Change
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends
from flywheel.worker import run_worker

PICTURE = Path(__file__).parent / "conversation.svg"
WIDTH = 100


async def main() -> None:
    """Play, record, write."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings(environ={"FLYWHEEL_HOME": home})
        async with open_backends(settings) as backends:
            stop = asyncio.Event()
            worker = asyncio.create_task(run_worker(backends, stop))
            await prepare(backends, console)
            async with open_stage(backends, {ME: "ada", OTHER: "sam"}, approvers=[ME]) as stage:
                screen = Screen(stage.workspace, console)

                def draw(change: Change) -> None:
                    message = change.message
                    if message is not None and message.text.startswith("Results of"):
                        console.export_text(clear=True)
                    screen.draw(change)

                stage.workspace.listeners.append(draw)
                play = Play(stage, screen, console)
                results = await play.run()
                await play.ask("which model is best and how much cheaper is it?", results)
            stop.set()
            await worker
    picture = console.export_svg(title=f"/flywheel run {WORKLOAD}")
    # The reader's own fixed-width font: a README fetches nothing from elsewhere.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
