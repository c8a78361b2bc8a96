"""`flywheel insights eval` and `flywheel insights report`."""

import os
import tempfile
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flywheel.cli import asking
from flywheel.cli.context import console, run, set_up_logging
from flywheel.insights.exam.report import Examination, ExamReport, Rate
from flywheel.service.examining import examine
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends

_KEYS = ("FLYWHEEL_INSIGHTS_API_KEY", "NVIDIA_API_KEY")

insights = typer.Typer(help="How good the answers to questions are.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    insights.command(name="report")(asking.report)
    app.add_typer(insights, name="insights")


@insights.command(name="eval")
def evaluate(
    endpoint: Annotated[
        str | None,
        typer.Option(help="Base address of a language model to examine; without it the reader"),
    ] = None,
    model: Annotated[str | None, typer.Option(help="As the endpoint names it")] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds that one answer of the model may take", min=1)
    ] = 20.0,
    every: Annotated[
        int, typer.Option(help="Ask only each so-manieth question, of a slow model", min=1)
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON")] = False,
) -> None:
    """Ask the questions of the examination about a made-up company, and mark the answers.

    Nothing of yours is read or changed: the company lives in a folder that is removed afterwards.
    The key of an endpoint is FLYWHEEL_INSIGHTS_API_KEY.
    """
    section = "FLYWHEEL_INSIGHTS_CONFIG__"
    named = {"BASE_URL": endpoint, "MODEL": model, "TIMEOUT_SECONDS": str(timeout)}
    chosen = {f"{section}{key}": value for key, value in named.items() if value is not None}
    chosen[f"{section}QUESTIONS_PER_USER"] = "null"
    keys = {name: os.environ[name] for name in _KEYS if name in os.environ}

    async def main() -> Examination:
        set_up_logging("ERROR")
        with tempfile.TemporaryDirectory(prefix="flywheel-exam-") as home:
            settings = load_settings(environ={"FLYWHEEL_HOME": home, **chosen, **keys})
            async with open_backends(settings, with_queue=False) as backends:
                return await examine(backends, every)

    report = run(main())
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
        return
    _show(report.fitted)
    console.print("\nOn questions that the reader was never fitted to:")
    _show(report.held_out)


def _show(report: ExamReport) -> None:
    table = Table("category", "exact", "sources", "wrong numbers")
    for row in report.categories:
        table.add_row(row.category, row.exact.words, row.sources.words, str(row.wrong_numbers))
    console.print(table)
    lines: dict[str, Rate] = {
        "exact, of what can be answered": report.answerable,
        "sources right": report.sources,
        "refusals that were right": report.refusal_precision,
        "refused, of what had to be": report.refusal_recall,
        "asked back, of what is ambiguous": report.asked_back,
    }
    if report.by_model.right:
        lines["worded by the language model"] = report.by_model
        lines["exact, of those that can be answered"] = report.exact_by_model
    for what, rate in lines.items():
        console.print(f"{what}: {rate.words}")
    console.print(f"answers with a wrong number: {report.wrong_numbers}")
    console.print(f"time of an answer: 95 % within {report.p95_seconds * 1000:.0f} ms")
    if report.worst:
        console.print("\nWorst answers:")
    for mark in report.worst:
        console.print(f"[bold]{mark.id}[/bold] {escape(mark.text)}")
        for what, found in (
            ("wrong numbers", mark.wrong_numbers),
            ("must not say", mark.unwanted),
            ("lacks", mark.missing),
        ):
            if found:
                console.print(f"  {what}: {escape(', '.join(found))}")
        console.print(f"  said: {escape(' / '.join(mark.answer.splitlines())[:300])}")
