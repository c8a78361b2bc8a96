"""`flywheel doctor` and `flywheel worker`."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flywheel import plugins
from flywheel.cli.context import backends, console, run, stop_on_signals
from flywheel.service import doctor as service

MARKS = {"ok": "[green]ok[/]", "off": "[dim]off[/]", "failed": "[bold red]failed[/]"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(doctor)
    app.command()(worker)


def doctor() -> None:
    """List every part, which implementation is in use and whether it answers."""

    async def main() -> bool:
        async with backends(migrate=False) as opened:
            parts = await service.check(opened)
            parts += [await check(opened.settings) for check in plugins.checks()]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("part", "in use", "state", "detail"):
            table.add_column(heading, overflow="fold")
        for part in parts:
            table.add_row(
                part.part,
                part.implementation,
                MARKS[part.state],
                escape(f"{part.detail.rstrip('.')}. {part.hint}" if part.hint else part.detail),
            )
        console.print(table)
        return all(part.state != "failed" for part in parts)

    if not run(main()):
        raise typer.Exit(1)


def worker(
    drain: Annotated[
        bool,
        typer.Option(
            "--drain",
            help="Asked to stop, start no step any more and end when those that run have ended; "
            "asked again, stop at once.",
        ),
    ] = False,
) -> None:
    """Drive runs until interrupted. Killed at any instant, another one goes on from there."""
    # Only here: importing these takes a while.
    from flywheel.runs.drain import Drain
    from flywheel.worker import run_worker

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    async def main() -> None:
        async with backends(with_queue=True, keep_log=True) as opened:
            draining = Drain(say)
            stop = stop_on_signals(draining.asked if drain else None)
            say("The worker is waiting for runs; Ctrl-C stops it.")
            await run_worker(opened, stop, draining)

    run(main())
