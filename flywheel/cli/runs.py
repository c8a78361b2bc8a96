"""`flywheel run`, `runs`, `show`, `cancel`, `delete`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from flywheel.cli import drawing
from flywheel.cli.context import backends, console, me, run
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
from flywheel.clock import happens
from flywheel.ports.backends import Backends
from flywheel.service import pictures
from flywheel.service import runs as service
from flywheel.views import RunRequest, RunView

FOLLOW_SECONDS = 0.3
STAND_IN_SECONDS = 1.0
ACTIVE = {"pending", "running", "cancelling"}

RunId = Annotated[str, typer.Argument(help="The run: r-12, 12 or last")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(start)
    app.command("runs")(list_)
    app.command()(show)
    app.command()(cancel)
    app.command()(retry)
    app.command()(delete)


def start(
    workload: Workload,
    client: Client = None,
    limit: Limit = None,
    eval_size: EvalSize = None,
    seed: Seed = None,
    candidates: Candidates = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy file that its verdict follows")
    ] = None,
    priority: Priority = 0,
    sweep: Sweep = None,
    tune: Tune = None,
    trials: Trials = None,
    setting: SetOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end")] = False,
) -> None:
    """Start a flywheel run: datasets, fine-tuning, evaluation, recommendation."""
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

    async def main() -> RunView:
        async with backends(with_queue=wait) as opened:
            view = await service.start_run(opened, request, me(), policy)
            console.print(f"[bold]{view.id}[/] started for {escape(view.workload_id)}.")
            if wait:
                view = await _drive(opened, view)
            elif not await opened.queue.has_worker():
                console.print(
                    "No worker is running yet, so it waits: `flywheel worker` in another "
                    "terminal, or next time --wait."
                )
            else:
                console.print(f"Follow it with `flywheel show {view.id}`.")
        return view

    view = run(main())
    if wait:
        drawing.run_page(console, view)
        if view.status != "completed":
            raise typer.Exit(1)


def list_(
    workload: Annotated[str | None, typer.Argument(help="Only this workload's")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most this many")] = 20,
) -> None:
    """List runs, newest first."""

    async def main() -> list[RunView]:
        async with backends() as opened:
            return await service.list_runs(opened, workload, limit)

    views = run(main())
    if as_json:
        drawing.json_lines(views)
    else:
        drawing.run_list(console, views, workload)


def show(
    run_id: RunId,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
    plots: Annotated[
        Path | None, typer.Option(help="Write its pictures, PNG and SVG, into this folder")
    ] = None,
) -> None:
    """Show a run: data, scores with intervals, recommendation."""

    async def main() -> tuple[RunView, pictures.WrittenPictures | None]:
        async with backends() as opened:
            view = await service.get_run(opened, run_id)
        return view, None if plots is None else await pictures.write_pictures(view, plots)

    view, written = run(main())
    if as_json:
        drawing.json_one(view)
    else:
        drawing.run_page(console, view)
    if written is not None:
        for line in (
            *written.files,
            *(f"Left out: {one.name}. {one.reason}" for one in written.left_out),
        ):
            typer.echo(line, err=as_json)  # the JSON stands alone


def cancel(run_id: RunId) -> None:
    """Stop a run; a worker confirms once nothing of it runs any more."""

    async def main() -> None:
        async with backends() as opened:
            view = await service.cancel_run(opened, run_id, me())
            console.print(f"{view.id} is being cancelled.")
            if not await opened.queue.has_worker():
                console.print("No worker is running: one has to confirm it (`flywheel worker`).")

    run(main())


def retry(run_id: RunId) -> None:
    """Start a run again that failed or was cancelled: its settings, seed and policy."""

    async def main() -> None:
        async with backends() as opened:
            view = await service.retry_run(opened, run_id, me())
            console.print(f"[bold]{view.id}[/] started for {escape(view.workload_id)}.")
            if not await opened.queue.has_worker():
                console.print("No worker is running yet, so it waits: `flywheel worker`.")

    run(main())


def delete(run_id: RunId) -> None:
    """Remove a run with its datasets, predictions and models."""

    async def main() -> None:
        async with backends() as opened:
            view = await service.get_run(opened, run_id)
            left = await service.delete_run(opened, run_id, me())
            console.print(f"{view.id} is deleted.")
            for leftover in left:
                console.print(
                    f"Not removed: {leftover.kind} {escape(leftover.name)}. {escape(leftover.why)}",
                    soft_wrap=True,
                )
            if left:
                console.print("`flywheel gc --remove` tries it again.")

    run(main())


async def _drive(opened: Backends, view: RunView) -> RunView:
    """Follow the run to its end, with a worker of our own where none is running."""
    stop = asyncio.Event()
    worker = asyncio.create_task(_stand_in(opened, stop))
    try:
        return await _follow(opened, view)
    except asyncio.CancelledError:
        console.print(
            f"[bold]{view.id}[/] is not finished. It goes on when a worker runs "
            f"(`flywheel worker`); to end it: `flywheel cancel {view.id}`."
        )
        raise
    finally:
        stop.set()
        await worker


async def _stand_in(opened: Backends, stop: asyncio.Event) -> None:
    """Be the worker as soon as there is no other: one that we found may end before our run."""
    from flywheel.worker import run_worker  # only here: importing it takes a while

    while not stop.is_set():
        if not await opened.queue.has_worker():
            await run_worker(opened, stop)
        await happens(stop, STAND_IN_SECONDS)


async def _follow(opened: Backends, view: RunView) -> RunView:
    said = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[doing]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(view.id, total=100, doing="waiting")
        while True:
            view = await service.get_run(opened, view.id)
            for event in await service.run_events(opened, view.id, said):
                said = event.id
                if event.kind not in {"run-completed", "run-failed"}:
                    progress.console.print(f"  {escape(event.text)}", soft_wrap=True)
            done = sum(100.0 if s.status == "completed" else s.percent for s in view.steps)
            progress.update(task, completed=done / len(view.steps), doing=drawing.doing_now(view))
            if view.status not in ACTIVE:
                return view
            await asyncio.sleep(FOLLOW_SECONDS)
