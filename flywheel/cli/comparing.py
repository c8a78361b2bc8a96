"""`flywheel compare`: two runs of a workload side by side."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flywheel.cli.context import backends, console, run
from flywheel.decisions.comparison import Comparison, Scored, sentences
from flywheel.service.comparing import compare_runs

_CHANGES = {"improved": "better", "worse": "worse", "same": "no change shown"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    run_id: Annotated[
        str, typer.Argument(help="A run; the last completed one if left out")
    ] = "last",
    other: Annotated[
        str | None, typer.Argument(help="Another run of its workload; else the one before")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """Compare two runs of a workload: scores with intervals, verdicts, data and settings."""

    async def main() -> Comparison:
        async with backends() as opened:
            return await compare_runs(opened, run_id, other)

    found = run(main())
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    for sentence in sentences(found):
        console.print(escape(sentence), soft_wrap=True)
    table = Table("Model", found.older.run_id, found.newer.run_id, "Change")
    for sides in found.candidates:
        change = "–" if sides.shift is None else _CHANGES[sides.shift.change]
        table.add_row(escape(sides.model_name), _score(sides.older), _score(sides.newer), change)
    console.print(table)
    for setting in found.settings:
        line = f"{setting.name}: {setting.older} → {setting.newer}"
        console.print(escape(line), soft_wrap=True)


def _score(scored: Scored | None) -> str:
    if scored is None:
        return "–"
    interval = scored.interval
    return f"{interval.value:.3f} ({interval.low:.3f}–{interval.high:.3f})"
