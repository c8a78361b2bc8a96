"""`flywheel receipt show`, `verify` and `key`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flywheel.cli.context import backends, console, run
from flywheel.service import receipts
from flywheel.settings import load_settings

receipt = typer.Typer(help="Signed receipts of verdicts.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(receipt, name="receipt")


@receipt.command()
def show(run_id: Annotated[str, typer.Argument(help="The run: r-12, 12 or last")]) -> None:
    """Print a run's receipt as it was signed."""

    async def main() -> str:
        async with backends() as opened:
            return await receipts.receipt_of(opened, run_id)

    typer.echo(run(main()).encode(), nl=False)  # bytes: no terminal may change a letter of it


@receipt.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A receipt, as `receipt show` prints it")],
    key: Annotated[
        Path | None, typer.Option(help="The public key to trust (PEM), if not this home's")
    ] = None,
    files: Annotated[
        Path | None, typer.Option(help="Where the files that it names are now")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail where a file that it names is not here")
    ] = False,
) -> None:
    """Check a receipt offline: its signature, and the files that it names."""
    found = run(receipts.verify_receipt(load_settings(), file, key, files, strict))
    word = "[bold green]valid[/]" if found.valid else "[bold red]NOT VALID[/]"
    console.print(f"{word}: {escape(found.sentence)}", soft_wrap=True)
    if not found.valid:
        raise typer.Exit(1)


@receipt.command("key")
def key_() -> None:
    """Print the public key that this home signs with, for those who verify elsewhere."""
    typer.echo(run(receipts.public_key_pem(load_settings())), nl=False)
