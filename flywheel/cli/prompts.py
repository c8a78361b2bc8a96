"""`flywheel prompts`: what the product says to language models."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from flywheel import prompts as library
from flywheel.cli.context import console
from flywheel.formatting import count

_DIGEST = 12  # characters that tell digests apart

prompts = typer.Typer(help="The prompts that language models are sent.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `flywheel prompts list` shows it")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(prompts, name="prompts")


@prompts.command(name="list")
def list_prompts() -> None:
    """List every prompt and what it is for."""
    table = _table("name", "version", "purpose")
    for name in library.names():
        matter = library.open_prompt(name).matter
        table.add_row(name, str(matter.version), Text(matter.purpose))
    console.print(table)


@prompts.command()
def show(name: Name) -> None:
    """Print a prompt as it is sent, with its example inputs."""
    opened = library.open_prompt(name)
    sys.stdout.write(opened.render(opened.matter.example).text + "\n")


@prompts.command()
def check(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Check the prompts in this folder", exists=True, file_okay=False),
    ] = None,
) -> None:
    """Render every prompt with its example inputs; a broken one is one sentence."""
    found = library.check(folder)
    table = _table("name", "version", "inputs", "characters", "digest")
    for one in found:
        table.add_row(
            one.name,
            "–" if one.version is None else str(one.version),
            ", ".join(one.inputs) or "–",
            "–" if one.characters is None else count(one.characters),
            "–" if one.digest is None else one.digest[:_DIGEST],
        )
    console.print(table)
    problems = [one.problem for one in found if one.problem is not None]
    for problem in problems:
        console.print(problem, markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
