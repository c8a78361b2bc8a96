"""`flywheel plan`: what a run would take, before anything is spent."""

import sys
from typing import Annotated

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from flywheel.cli.context import backends, console, run
from flywheel.cli.run_options import Candidates, Client, names_in
from flywheel.cli.sweeps import SetOption, Sweep, Trials, Tune, settings_of, sweep_settings
from flywheel.formatting import count, duration
from flywheel.service.planning import plan_run
from flywheel.views import PlannedStepView, PlanView, RunRequest

_WIDTH = 40


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(plan)


def plan(
    workload: Annotated[str, typer.Argument(help="Which workload a run would be of")],
    client: Client = None,
    candidates: Candidates = None,
    sweep: Sweep = None,
    tune: Tune = None,
    trials: Trials = None,
    setting: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """Show the schedule of a run, what it would hold and how long; nothing is started."""
    request = RunRequest(
        workload_id=workload,
        client_id=client,
        candidates=names_in(candidates),
        settings={**settings_of(setting), **sweep_settings(sweep, tune, trials)},
    )

    async def main() -> PlanView:
        async with backends() as opened:
            return await plan_run(opened, request)

    view = run(main())
    if as_json:
        dumped = orjson.dumps(view.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
        sys.stdout.buffer.write(dumped)
        sys.stdout.write("\n")
    else:
        _print(view)


def _print(view: PlanView) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("step", "candidate", "from", "to", "holds", ""):
        table.add_column(heading, no_wrap=True)
    for step in sorted(view.steps, key=lambda s: (s.start_seconds, s.end_seconds)):
        if step.end_seconds == step.start_seconds:
            continue  # it takes next to no time
        table.add_row(
            " ".join(filter(None, (step.kind, str(step.trial or "")))),
            escape(step.candidate or ""),
            duration(step.start_seconds),
            duration(step.end_seconds),
            f"{step.amount} of {step.pool}" if step.amount else "",
            _bar(step, view.seconds),
        )
    console.print(table)
    source = "earlier runs of this workload" if view.measured else "the platform's own guess"
    console.print(f"In all {duration(view.seconds)}; times are from {source}.", soft_wrap=True)
    if view.runs_before:
        runs = (
            "1 unfinished run"
            if view.runs_before == 1
            else f"{count(view.runs_before)} unfinished runs"
        )
        console.print(
            f"It shares the platform with {runs} and would wait {duration(view.waits_seconds)}.",
            soft_wrap=True,
        )
    for pool, seconds in view.held_seconds.items():
        console.print(
            f"It holds {seconds / 3600:.2f} hours of {pool}, of which there are "
            f"{count(view.budget.get(pool, 0))}.",
            soft_wrap=True,
        )
    for sentence in view.impossible:
        console.print(f"[bold red]Impossible:[/] {escape(sentence)}.", soft_wrap=True)


def _bar(step: PlannedStepView, seconds: float) -> str:
    """Where the step lies in the whole; light where it only holds what it was given."""
    scale = _WIDTH / max(seconds, 1e-9)
    start, end = round(step.start_seconds * scale), round(step.end_seconds * scale)
    held = max(round(step.held_until_seconds * scale), end)
    return " " * start + "█" * max(end - start, 1) + "░" * (held - max(end, start + 1))
