"""`flywheel policy show` and `policy check`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flywheel.cli.context import backends, console, run
from flywheel.service import policies

policy = typer.Typer(help="The policy that verdicts follow.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(policy, name="policy")


@policy.command()
def show(
    run_id: Annotated[
        str | None, typer.Argument(metavar="RUN", help="The one that this run was judged by")
    ] = None,
) -> None:
    """Print the policy in force, or that of a run, as it was written."""

    async def main() -> str:
        async with backends() as opened:
            if run_id is not None:
                return (await policies.policy_of(opened, run_id)).text
            return (await policies.policy_in_force(opened)).text

    sys.stdout.write(run(main()))


@policy.command()
def check(file: Annotated[Path, typer.Argument(help="A policy file")]) -> None:
    """Check a policy file: every fault is one line."""
    document = run(policies.read_policy(file))
    console.print(f"{escape(str(file))} is a valid policy, sha256 {document.sha256}.")
