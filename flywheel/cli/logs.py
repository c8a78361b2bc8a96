"""`flywheel logs import`, `logs workloads` and `sample`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from flywheel.cli.context import backends, console, run
from flywheel.formatting import count, duration
from flywheel.ports.logs import WorkloadSummary
from flywheel.service import logs as service

ANSWERS_WIDTH = 24  # characters, so that a row stays one line

logs = typer.Typer(help="Production records: bring them in, see what is there.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(logs, name="logs")
    app.command()(sample)


@logs.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="JSONL files, plain or gzip")],
    workload: Annotated[
        str | None, typer.Option(help="Use this workload_id for every record")
    ] = None,
    client: Annotated[str | None, typer.Option(help="Use this client_id for every record")] = None,
) -> None:
    """Bring records into the log. Importing a file again adds nothing."""

    async def main() -> None:
        async with backends() as opened:
            columns = (
                TextColumn("importing"),
                BarColumn(30),
                DownloadColumn(),
                TimeRemainingColumn(),
            )
            with Progress(
                *columns, console=console, transient=True, disable=not console.is_terminal
            ) as progress:
                task = progress.add_task("")
                report = await service.import_files(
                    opened.logs,
                    files,
                    workload_id=workload,
                    client_id=client,
                    reject_dir=opened.settings.home / "rejects",
                    on_progress=lambda done, total: progress.update(
                        task, completed=done, total=total
                    ),
                )
        console.print(
            f"{count(report.read)} records read in {duration(report.seconds)}: "
            f"[bold]{count(report.added)} added[/], {count(report.already_there)} already there, "
            f"{count(report.rejected)} rejected."
        )
        if report.reject_file is not None:
            for reason, number in report.reasons.items():
                console.print(f"  {count(number)} × {escape(reason)}", soft_wrap=True)
            console.print(f"Rejected lines are in {report.reject_file}", soft_wrap=True)

    run(main())


@logs.command()
def workloads() -> None:
    """List workloads: client, records, from when to when, labels or tools seen."""

    async def main() -> list[WorkloadSummary]:
        async with backends() as opened:
            return await opened.logs.workloads()

    rows = run(main())
    if not rows:
        console.print("The log is empty. Import one: flywheel logs import FILE")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("workload", "client", "records", "first", "last"):
        table.add_column(heading, no_wrap=True)
    table.add_column("labels or tools", no_wrap=True)
    for row in rows:
        answers = ", ".join(row.answers)
        table.add_row(
            *(escape(row.workload_id), escape(row.client_id), count(row.records)),
            *(f"{row.first:%Y-%m-%d}", f"{row.last:%Y-%m-%d}"),
            escape(f"{count(len(row.answers))}: {_cut(answers)}"),
        )
    console.print(table)


def _cut(text: str) -> str:
    return text if len(text) <= ANSWERS_WIDTH else f"{text[:ANSWERS_WIDTH]}…"


def sample(
    file: Annotated[Path, typer.Argument(help="Where to write it; .gz compresses")] = Path(
        "sample-news.jsonl"
    ),
    records: Annotated[int, typer.Option(min=100, help="How many")] = 6000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another log")] = 7,
) -> None:
    """Write a synthetic log of financial headlines, to try flywheel with."""
    run(service.write_sample(file, records, seed))
    console.print(
        f"{count(records)} synthetic records (invented companies, made by a seeded generator, "
        f"a few percent of the answers wrong on purpose) are in {file}.",
        f"Import them: flywheel logs import {file}",
        sep="\n",
        soft_wrap=True,
    )
