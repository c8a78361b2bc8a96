"""Sweeps on the command line: their options, and the table of trials."""

from collections.abc import Sequence
from typing import Annotated, Literal

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flywheel.errors import InvalidInputError
from flywheel.formatting import duration
from flywheel.sweeps.choice import in_words
from flywheel.views import CandidateView, TrialView

Sweep = Annotated[
    Literal["grid", "random"] | None,
    typer.Option(help="Train each candidate several times and keep the best on the validation set"),
]
Tune = Annotated[
    list[str] | None,
    typer.Option(help="What a sweep varies: name=1,2,3, or name=low..high for a random one"),
]
Trials = Annotated[
    int | None, typer.Option(min=2, help="Trainings of one candidate in a sweep at most")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Any other setting of a run, as key=value")
]


def settings_of(given: Sequence[str] | None) -> dict[str, str]:
    """What `--set` says. Raises InvalidInputError."""
    return dict(_pair(text, "--set", "min_samples_per_class=3") for text in given or ())


def sweep_settings(
    sweep: str | None, tune: Sequence[str] | None, trials: int | None
) -> dict[str, str]:
    """The settings of a run that these options stand for. Raises InvalidInputError."""
    found = {}
    if sweep is not None:
        found["sweep_config.search"] = sweep
    elif tune:
        found["sweep_config.search"] = "random" if any(".." in one for one in tune) else "grid"
    if trials is not None:
        found["sweep_config.budget"] = str(trials)
    if tune:
        pairs = [_pair(text, "--tune", "learning_rate=1e-5,1e-4") for text in tune]
        spaces = {name: _space(name, values) for name, values in pairs}
        found["sweep_config.parameters"] = orjson.dumps(spaces).decode()
    return found


def sweep_table(console: Console, candidate: CandidateView) -> None:
    """One line per trial, the chosen one marked."""
    names = sorted({name for trial in candidate.trials for name in trial.parameters})
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("trial", *(n.rpartition(".")[2] for n in names), "validation", "time", ""):
        table.add_column(escape(heading), no_wrap=bool(heading))
    for trial in candidate.trials:
        values = [_value(trial.parameters.get(name)) for name in names]
        style = "bold" if trial.chosen else ""
        found = trial.validation
        table.add_row(
            str(trial.number),
            *values,
            "" if found is None else in_words(found).removeprefix("validation "),
            duration(trial.runtime_seconds) if trial.runtime_seconds else "",
            escape(_remark(trial)),
            style=style,
        )
    console.print(f"Sweep of {escape(candidate.model_name)}, compared on the validation set:")
    console.print(table)


def _remark(trial: TrialView) -> str:
    if trial.chosen:
        return "chosen"
    if trial.error:
        return f"failed: {trial.error}"
    return trial.stopped or ("" if trial.status == "completed" else trial.status)


def _value(value: float | str | bool | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _space(name: str, text: str) -> object:
    if ".." in text:
        low, _, high = text.partition("..")
        ends = [_number(low.strip()), _number(high.strip())]
        if any(isinstance(end, str) for end in ends):
            raise InvalidInputError(
                f"--tune {name}={text} is no range.", "A range is low..high, like 1e-5..1e-3."
            )
        return {"low": ends[0], "high": ends[1]}
    return [_number(part.strip()) for part in text.split(",") if part.strip()]


def _number(text: str) -> int | float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(text) if text.lstrip("+-").isdigit() else number


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InvalidInputError(
            f"'{option} {text}' is not key=value.", f"For example: {option} {example}"
        )
    return key.strip(), value.strip()
