"""`flywheel eval-set list`, `freeze` and `release`."""

from typing import Annotated

import typer
from rich.markup import escape

from flywheel.cli import drawing
from flywheel.cli.context import backends, console, me, run
from flywheel.formatting import count
from flywheel.service import eval_sets as service
from flywheel.views import EvalSetView

eval_set = typer.Typer(
    help="Frozen evaluation sets: runs on the same records.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(eval_set, name="eval-set")


@eval_set.command("list")
def list_(
    workload: Annotated[str | None, typer.Argument(help="Only this workload's")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """List frozen evaluation sets, the newest first."""

    async def main() -> list[EvalSetView]:
        async with backends() as opened:
            return await service.eval_sets(opened, workload)

    views = run(main())
    if as_json:
        drawing.json_lines(views)
    elif not views:
        console.print("No evaluation set is frozen. Freeze that of a run: eval-set freeze RUN")
    else:
        drawing.eval_set_list(console, views)


@eval_set.command()
def freeze(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run: r-12, 12 or last")],
) -> None:
    """Evaluate later runs of the workload on the evaluation set of this run."""

    async def main() -> EvalSetView:
        async with backends() as opened:
            return await service.freeze(opened, run_id, me())

    view = run(main())
    console.print(
        f"The {count(view.records)} evaluation records of {view.run_id} are frozen for "
        f"{escape(view.workload_id)}: later runs are evaluated on them and never train on them.\n"
        f"sha256 {view.digest}",
        soft_wrap=True,
    )


@eval_set.command()
def release(
    workload: Annotated[str, typer.Argument(help="Whose set to give up")],
    client: Annotated[str | None, typer.Option(help="Of runs of this client only")] = None,
) -> None:
    """Let later runs draw evaluation sets of their own again."""

    async def main() -> EvalSetView:
        async with backends() as opened:
            return await service.release(opened, workload, client, me())

    view = run(main())
    console.print(
        f"The evaluation set of {view.run_id} is released. Later runs of "
        f"{escape(view.workload_id)} draw their own; its records are still not trained on.",
        soft_wrap=True,
    )
