"""`flywheel`: the commands, and how errors reach a person."""

import io
import sys

import typer
from rich.console import Console
from rich.text import Text

from flywheel import __version__, plugins
from flywheel.cli import (
    api,
    asking,
    comparing,
    eval_sets,
    garbage,
    insights,
    logs,
    parts,
    planning,
    policy,
    promotions,
    prompts,
    receipts,
    review,
    runs,
    schedules,
)
from flywheel.errors import FlywheelError

app = typer.Typer(
    help="Replace an expensive LLM by a small model you can trust.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (
    logs,
    planning,
    runs,
    schedules,
    comparing,
    asking,
    review,
    eval_sets,
    promotions,
    policy,
    prompts,
    receipts,
    insights,
    garbage,
    parts,
    api,
):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flywheel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Run the command line; an error that a person can act on is one sentence, not a trace."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a character
            stream.reconfigure(errors="replace")
    for register in plugins.commands():
        register(app)
    try:
        app()
    except FlywheelError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(Text.assemble(("error:", "bold red"), " ", error.message))
        if error.hint:
            console.print(Text(error.hint))
        sys.exit(error.exit_code)
