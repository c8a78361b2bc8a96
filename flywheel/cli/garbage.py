"""`flywheel gc`: what no run owns any more."""

from typing import Annotated

import typer
from rich.markup import escape

from flywheel.cli.context import backends, console, run
from flywheel.formatting import count
from flywheel.ports.platform import Leftover
from flywheel.service import asked, garbage
from flywheel.views import GarbageView


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gc")(gc)


def gc(
    remove: Annotated[bool, typer.Option("--remove", help="Remove what is listed")] = False,
) -> None:
    """List what is left of runs that there are no more, and old questions; --remove removes it."""

    async def listed() -> tuple[list[Leftover], int]:
        async with backends() as opened:
            return await garbage.leftovers(opened), await asked.old(opened)

    async def collected() -> GarbageView:
        async with backends() as opened:
            return await garbage.collect_garbage(opened)

    if remove:
        done = run(collected())
        console.print(f"Removed: {count(done.removed)}.")
        if done.questions:
            console.print(f"Old questions removed: {count(done.questions)}.")
        _print(done.left)
        if done.left:
            raise typer.Exit(1)
        return
    found, questions = run(listed())
    _print(found)
    if questions:
        console.print(f"Old questions with their answers: {count(questions)}.")
    something = bool(found) or questions > 0
    console.print("`flywheel gc --remove` removes it." if something else "Nothing is left over.")


def _print(found: list[Leftover]) -> None:
    for leftover in found:
        why = f" ({leftover.why})" if leftover.why else ""
        console.print(f"{leftover.kind} {escape(leftover.name)}{escape(why)}", soft_wrap=True)
