"""`flywheel doctor` and `flywheel worker`."""

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


def worker() -> None:
    """Drive runs until interrupted. Killed at any instant, another one goes on from there."""
    from flywheel.worker import run_worker  # only here: importing it takes a while

    async def main() -> None:
        async with backends(with_queue=True, keep_log=True) as opened:
            stop = stop_on_signals()
            console.print("The worker is waiting for runs; Ctrl-C stops it.")
            await run_worker(opened, stop)

    run(main())
