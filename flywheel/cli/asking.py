"""`flywheel ask`, and `flywheel insights report` on how answers have done."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flywheel.cli.context import backends, console, me, run
from flywheel.formatting import count, duration, money, percent
from flywheel.insights.answers_report import AnswersReport, Asked, Judged
from flywheel.service import answers_report
from flywheel.service.questions import ask as answer_to
from flywheel.views import Answer

_LINE = 200  # characters of a question or an answer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ask)


def ask(
    question: Annotated[str, typer.Argument(help="In plain words")],
    run_id: Annotated[
        str | None, typer.Option("--run", help="The run that it is about: r-12")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """Ask about runs, models, costs and data; the answer says where it comes from."""

    async def main() -> Answer:
        async with backends() as opened:
            return await answer_to(opened, question, me(), run_id)

    found = run(main())
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    console.print(escape(found.text), soft_wrap=True)
    for choice in found.choices:
        console.print(f"  • {escape(choice)}", soft_wrap=True)
    if found.evidence:
        console.print(f"[dim]Numbers: {escape('; '.join(found.evidence))}[/]", soft_wrap=True)
    for source in found.sources:
        console.print(f"[dim]See {escape(source)}[/]", soft_wrap=True)


def report(
    days: Annotated[int, typer.Option(min=1, help="Of the last so many days")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """Show how answers have done: who gave them, what people say of them, time and cost."""

    async def main() -> tuple[AnswersReport, str]:
        async with backends() as opened:
            found = await answers_report.report(opened, days)
            return found, opened.settings.prices.currency

    found, currency = run(main())
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    if not found.questions:
        console.print(f"Nobody has asked anything in the last {count(days)} days.")
        return
    _print(found, currency)


def _print(found: AnswersReport, currency: str) -> None:
    table = Table("Day", "Reader", "Language model", "Fallback")
    for day in found.by_day:
        table.add_row(str(day.day), count(day.reader), count(day.model), count(day.fallback))
    console.print(table)
    console.print(f"Questions: {count(found.questions)}.")
    for why, number in found.fell_back.items():
        console.print(f"Fell back, {escape(why)}: {count(number)}.", soft_wrap=True)
    console.print(f"Called right: {_share(found.judged)}.")
    if found.judged_of_model.n:
        console.print(f"Of the language model's: {_share(found.judged_of_model)}.")
    if found.p50_seconds is not None and found.p95_seconds is not None:
        console.print(
            f"Answered within {duration(found.p50_seconds)} (half of them) and "
            f"{duration(found.p95_seconds)} (95 %)."
        )
    console.print(
        f"Cost: {money(found.cost, currency)}, {count(found.input_tokens)} tokens in and "
        f"{count(found.output_tokens)} out."
    )
    console.print(
        f"Not understood: {count(found.not_understood)}. Refused: {count(found.refused)}. "
        f"Asked back: {count(found.asked_back)}."
    )
    if found.wrong:
        console.print("\nCalled wrong:")
    for one in found.wrong:
        _print_wrong(one)
    if found.unclear:
        console.print("\nNot understood, most frequent first:")
    for question, number in found.unclear.items():
        console.print(f"  {count(number)} × {escape(question)}", soft_wrap=True)


def _share(judged: Judged) -> str:
    """'75.0 % (46.8 % to 91.1 %, n 12)'."""
    share = judged.right
    if share is None:
        return "nobody has said anything"
    return f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)}, n {judged.n})"


def _print_wrong(one: Asked) -> None:
    console.print(f"  {one.at:%Y-%m-%d %H:%M} UTC, {one.by}: {escape(_short(one.question))}")
    console.print(f"    answered: {escape(_short(one.answer))}", soft_wrap=True)
    for said in one.said:
        if said.note:
            console.print(f"    note: {escape(_short(said.note))}", soft_wrap=True)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"
