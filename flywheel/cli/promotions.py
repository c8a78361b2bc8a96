"""`flywheel promote`, `rollback` and `incumbents`."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flywheel.cli.context import backends, console, me, run
from flywheel.cli.drawing import json_lines
from flywheel.evaluation.headline import SHORT
from flywheel.formatting import count, when
from flywheel.promotions.audit import AuditEntry, Verified
from flywheel.service import promotions
from flywheel.views import PromotionView

audit = typer.Typer(
    help="The record of every decision on promotions, refusals too.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(promote)
    app.command()(rollback)
    app.command()(incumbents)
    app.add_typer(audit, name="audit")


def promote(
    run_id: str = typer.Argument(help="The run: r-12, 12 or last"),
    model: str = typer.Argument(help="One of its candidates"),
    reason: str = typer.Option(..., "--reason", "-m", help="Goes on record", prompt=True),
) -> None:
    """Make a run's model the one that serves its workload; it goes on record."""

    async def main() -> None:
        async with backends() as opened:
            said = await promotions.promote(opened, run_id, model, me(), reason)
        done = said.promotion
        if done is None:
            console.print(
                f"Your approval of [bold]{escape(model)}[/] is on record: "
                f"{len(said.approved_by)} of {said.needed}. It takes over with the last of them."
            )
            return
        before = f" It replaces {done.replaced}." if done.replaced else ""
        name, workload = escape(done.model_name), escape(done.workload_id)
        console.print(
            f"[bold]{name}[/] ({done.run_id}) now serves {workload}.{escape(before)}",
            _files(done),
            f"Take it back: flywheel rollback {workload}",
            sep="\n",
            soft_wrap=True,
        )

    run(main())


def _files(done: PromotionView) -> str:
    if done.served is None:
        return f"Its files: {escape(done.model_uri)}"
    return (
        f"It is {escape(done.served)}, asked with the examples in {escape(done.model_uri)}. "
        "Its weights stay there: whether they stay the same is up to whoever serves it."
    )


def rollback(
    workload: str = typer.Argument(help="The workload"),
    reason: str = typer.Option(..., "--reason", "-m", help="Goes on record", prompt=True),
) -> None:
    """Take the promoted model back; what it replaced serves again."""

    async def main() -> None:
        async with backends() as opened:
            now = await promotions.rollback(opened, workload, me(), reason)
        serves = "The teacher" if now is None else f"{now.model_name} ({now.run_id})"
        console.print(f"[bold]{escape(serves)}[/] serves {escape(workload)} again.")

    run(main())


def incumbents() -> None:
    """List the promoted models: which, since when, by whom and why."""

    async def main() -> None:
        async with backends() as opened:
            rows = await promotions.incumbents(opened)
        if not rows:
            console.print("No model is promoted: every workload is served by its teacher.")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        metrics = {row.metric for row in rows}
        score = SHORT[rows[0].metric] if len(metrics) == 1 else "score"
        for heading in ("workload", "model", "run", score, "since", "by", "reason"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            of = "" if len(metrics) == 1 else f" {SHORT[row.metric]}"
            value = "" if row.score is None else f"{row.score:.3f}{of}"
            table.add_row(
                *(escape(row.workload_id), escape(row.model_name), row.run_id, value),
                *(when(row.approved_at), escape(row.approved_by), escape(row.reason)),
            )
        console.print(table)

    run(main())


@audit.command("list")
def audit_list(
    workload: Annotated[str | None, typer.Option(help="Only decisions on this one")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Only the newest N")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """List decisions, the oldest first."""

    async def main() -> list[AuditEntry]:
        async with backends() as opened:
            return await promotions.audit_trail(opened, workload, limit)

    entries = run(main())
    if as_json:
        json_lines(entries)
        return
    if not entries:
        console.print("Nobody has been asked or has decided anything yet.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "when", "who", "what", "workload", "run", "of it"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        table.add_row(
            str(entry.id),
            when(entry.at),
            escape(entry.actor),
            entry.action,
            escape(entry.workload_id),
            "" if entry.run_id is None else f"r-{entry.run_id}",
            escape(_detail(entry)),
        )
    console.print(table)


@audit.command("verify")
def audit_verify(
    head: Annotated[
        str | None, typer.Option(help="A digest that was noted before: it has to be there")
    ] = None,
) -> None:
    """Check that no entry was changed, removed or inserted."""

    async def main() -> Verified:
        async with backends() as opened:
            return await promotions.verify_audit(opened, head)

    found = run(main())
    if found.broken_at is not None:
        console.print(f"[bold red]The record was changed.[/] {escape(found.why)}", soft_wrap=True)
        raise typer.Exit(1)
    console.print(
        f"All {count(found.entries)} entries are as they were written. To find out later whether "
        f"any were cut off, note this digest somewhere else:\n{found.head}",
        soft_wrap=True,
    )


def _detail(entry: AuditEntry) -> str:
    known = entry.detail
    words = [str(known[key]) for key in ("model", "why", "reason") if known.get(key)]
    return ": ".join(words)
