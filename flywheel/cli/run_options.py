"""The options that say which run is meant: of `run`, and of `schedule add`."""

from typing import Annotated, Literal

import typer

from flywheel.errors import InvalidInputError

Workload = Annotated[str, typer.Argument(help="Which workload's traffic to learn from")]
Client = Annotated[str | None, typer.Option(help="Only this client's records")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the newest N records")]
EvalSize = Annotated[
    str | None, typer.Option(help="Records held out, or auto: as many as the policy needs")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of split and training")]
Candidates = Annotated[str | None, typer.Option(help="Comma-separated names")]
Priority = Annotated[int, typer.Option(help="Of two runs that wait for room the higher goes first")]


def names_in(text: str | None) -> list[str] | None:
    """The names of a comma-separated list."""
    return None if text is None else [name.strip() for name in text.split(",")]


def eval_size_in(text: str | None) -> int | Literal["auto"] | None:
    """What `--eval-size` says. Raises InvalidInputError."""
    if text is None:
        return None
    if text.lower() == "auto":
        return "auto"
    digits = text.replace(",", "").replace("_", "")
    if not digits.isascii() or not digits.isdigit() or int(digits) < 1:
        raise InvalidInputError(
            f"'--eval-size {text}' is neither a whole number of at least 1 nor auto.",
            "For example: --eval-size 1000",
        )
    return int(digits)
