"""`flywheel promote`, `rollback` and `incumbents`."""

import typer
from rich.markup import escape
from rich.table import Table

from flywheel.cli.context import backends, console, me, run
from flywheel.evaluation.headline import SHORT
from flywheel.formatting import when
from flywheel.service import promotions
from flywheel.views import PromotionView


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(promote)
    app.command()(rollback)
    app.command()(incumbents)


def promote(
    run_id: str = typer.Argument(help="The run: r-12, 12 or last"),
    model: str = typer.Argument(help="One of its candidates"),
    reason: str = typer.Option(..., "--reason", "-m", help="Goes on record", prompt=True),
) -> None:
    """Make a run's model the one that serves its workload; it goes on record."""

    async def main() -> None:
        async with backends() as opened:
            done = await promotions.promote(opened, run_id, model, me(), reason)
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
