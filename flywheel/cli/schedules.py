"""`flywheel schedule add`, `list`, `pause`, `resume` and `remove`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flywheel.cli.context import backends, console, me, run
from flywheel.cli.drawing import json_lines
from flywheel.cli.run_options import (
    Candidates,
    Client,
    EvalSize,
    Limit,
    Priority,
    Seed,
    Workload,
    eval_size_in,
    names_in,
)
from flywheel.cli.sweeps import SetOption, Sweep, Trials, Tune, settings_of, sweep_settings
from flywheel.formatting import when
from flywheel.service import schedules as service
from flywheel.service.schedule_words import next_run, trouble
from flywheel.views import RunRequest, ScheduleView

schedule = typer.Typer(
    help="Runs that start themselves: by the calendar, or when new records have come in.",
    no_args_is_help=True,
)

ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule: s-3 or 3")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(schedule, name="schedule")


@schedule.command()
def add(
    workload: Workload,
    rule: Annotated[
        str,
        typer.Argument(
            help="When: 'every monday 06:00 Europe/London', 'every 2 hours', "
            "'when 5000 new records'"
        ),
    ],
    client: Client = None,
    limit: Limit = None,
    eval_size: EvalSize = None,
    seed: Seed = None,
    candidates: Candidates = None,
    priority: Priority = 0,
    sweep: Sweep = None,
    tune: Tune = None,
    trials: Trials = None,
    setting: SetOption = None,
    channel: Annotated[
        str | None, typer.Option(help="Slack channel (C…) where its runs are announced")
    ] = None,
) -> None:
    """Start such a run whenever the rule says so."""
    request = RunRequest(
        workload_id=workload,
        client_id=client,
        limit=limit,
        eval_size=eval_size_in(eval_size),
        random_seed=seed,
        candidates=names_in(candidates),
        priority=priority,
        settings={**settings_of(setting), **sweep_settings(sweep, tune, trials)},
    )

    there = service.channel_named(channel)

    async def main() -> ScheduleView:
        async with backends() as opened:
            return await service.add_schedule(opened, request, rule, me(), there)

    view = run(main())
    console.print(
        f"[bold]{view.id}[/] starts a run of {escape(view.workload_id)} {escape(view.rule)}. "
        f"Next: {escape(next_run(view))}.",
        soft_wrap=True,
    )


@schedule.command("list")
def list_(
    workload: Annotated[str | None, typer.Argument(help="Only this workload's")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """List schedules, the oldest first."""

    async def main() -> list[ScheduleView]:
        async with backends() as opened:
            return await service.list_schedules(opened, workload)

    views = run(main())
    if as_json:
        json_lines(views)
    elif not views:
        console.print("There is no schedule. Make one: flywheel schedule add WORKLOAD RULE")
    else:
        _print(views)


@schedule.command()
def pause(schedule_id: ScheduleId) -> None:
    """Start no more runs until it is resumed; one that runs goes on."""

    async def main() -> ScheduleView:
        async with backends() as opened:
            return await service.pause_schedule(opened, schedule_id, me())

    view = run(main())
    console.print(f"{view.id} is paused. Go on: flywheel schedule resume {view.id}")


@schedule.command()
def resume(schedule_id: ScheduleId) -> None:
    """Go on from now; what was missed meanwhile is not caught up."""

    async def main() -> ScheduleView:
        async with backends() as opened:
            return await service.resume_schedule(opened, schedule_id, me())

    view = run(main())
    console.print(f"{view.id} goes on. Next: {escape(next_run(view))}.", soft_wrap=True)


@schedule.command()
def remove(schedule_id: ScheduleId) -> None:
    """Forget a schedule; the runs that it has started stay."""

    async def main() -> ScheduleView:
        async with backends() as opened:
            return await service.remove_schedule(opened, schedule_id, me())

    view = run(main())
    console.print(f"{view.id} is removed; its runs stay.")


def _print(views: Sequence[ScheduleView]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("schedule", "workload", "starts a run", "next", "last", "by"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"schedule", "last"})
    for view in views:
        table.add_row(
            view.id,
            escape(view.workload_id),
            escape(view.rule),
            escape(next_run(view)),
            _last(view),
            escape(view.made_by),
        )
    console.print(table)
    for view in views:
        for sentence in trouble(view):
            console.print(f"[bold red]{view.id}:[/] {escape(sentence)}", soft_wrap=True)


def _last(view: ScheduleView) -> str:
    if view.last_fired is None:
        return ""
    return f"{view.last_run or 'deleted'}, {when(view.last_fired)}"
