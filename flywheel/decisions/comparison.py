"""Two runs of a workload side by side, and what can be said of them. Pure.

That a model became better or worse is said only where both runs were scored on the same records.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from flywheel.decisions.regression import Shift
from flywheel.decisions.verdict import Recommendation, Verdict
from flywheel.evaluation.headline import NAMES, Metric
from flywheel.evaluation.interval import Interval
from flywheel.formatting import count, percent

_NAMED = 5  # names in one sentence
_VERDICTS: Mapping[Verdict, str] = {
    "keep": "to keep what serves",
    "insufficient-data": "that there is too little data",
}


class RunSide(BaseModel):
    """What one of the two runs worked with, and what the policy said."""

    run_id: str
    client_id: str | None
    finished_at: datetime | None
    records: int = Field(description="Read from the log")
    train: int
    eval: int
    eval_digest: str = Field(description="sha256 of the evaluation set, hex")
    seed: int
    teacher: str
    verdict: Verdict | None
    recommended: str | None = Field(description="The model that the verdict names")


class Scored(BaseModel):
    """The headline score of a candidate in one run."""

    metric: Metric
    interval: Interval
    n: int


class CandidateSides(BaseModel):
    """A candidate in both runs; None where it has no score."""

    model_name: str
    older: Scored | None
    newer: Scored | None
    shift: Shift | None = Field(
        None, description="Newer minus older, paired; None unless on the same records"
    )


class SettingChange(BaseModel):
    """A setting that differs."""

    name: str = Field(description="With its section")
    older: str
    newer: str


class Comparison(BaseModel):
    """Two completed runs of a workload."""

    workload_id: str
    older: RunSide
    newer: RunSide
    same_records: bool = Field(description="Both evaluation sets are the same, letter by letter")
    confidence: float = Field(description="Of the paired intervals taken together")
    candidates: list[CandidateSides] = Field(description="The best of the newer run first")
    settings: list[SettingChange]


def changed_settings(older: Mapping[str, Any], newer: Mapping[str, Any]) -> list[SettingChange]:
    """What differs between two stored configurations; the seeds are told apart elsewhere."""
    before, after = dict(_flat(older)), dict(_flat(newer))
    return [
        SettingChange(name=name, older=before.get(name, "–"), newer=after.get(name, "–"))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and not name.endswith(".random_seed")
    ]


def sentences(found: Comparison) -> list[str]:
    """What can be said of the two, one plain sentence each."""
    return [
        _records(found),
        *_best(found),
        *_shifts(found),
        _verdicts(found),
        *_only_in(found),
        *_data(found),
    ]


def _records(found: Comparison) -> str:
    one, other = found.older.run_id, found.newer.run_id
    if found.same_records:
        n = count(found.newer.eval)
        return f"{one} and {other} were scored on the same {n} evaluation records."
    return (
        f"{one} and {other} were scored on different evaluation records: a difference between "
        "them can come from the records alone."
    )


def _best(found: Comparison) -> Iterator[str]:
    for run_id, scored in (
        (found.older.run_id, {c.model_name: c.older for c in found.candidates}),
        (found.newer.run_id, {c.model_name: c.newer for c in found.candidates}),
    ):
        known = {name: one for name, one in scored.items() if one is not None}
        if not known:
            yield f"{run_id} has no scored candidate."
            continue
        name = max(known, key=lambda name: known[name].interval.value)
        best = known[name]
        yield (
            f"Best in {run_id}: {name}, {NAMES[best.metric]} {best.interval.value:.3f} "
            f"({percent(best.interval.confidence)} {best.interval.low:.3f}"
            f"–{best.interval.high:.3f}, n {count(best.n)})."
        )


def _shifts(found: Comparison) -> Iterator[str]:
    """Better and worse by name; that nothing is shown of the others."""
    shifts = {c.model_name: c.shift for c in found.candidates if c.shift is not None}
    told = 0
    for name, shift in shifts.items():
        if shift.change == "same" or told == _NAMED:
            continue
        told += 1
        word = "better" if shift.change == "improved" else "worse"
        bounds = f"{percent(found.confidence)} {_signed(shift.low)} to {_signed(shift.high)}"
        yield f"{name} is {word} by {abs(shift.after - shift.before):.3f} ({bounds}, of 1)."
    changed = sum(shift.change != "same" for shift in shifts.values())
    if changed > told:
        yield f"{count(changed - told)} more candidates became better or worse."
    if same := [name for name, shift in shifts.items() if shift.change == "same"]:
        yield f"No change is shown for {_names(same)}: the interval of the difference holds 0."


def _verdicts(found: Comparison) -> str:
    before, after = _verdict(found.older), _verdict(found.newer)
    if before == after:
        return f"Both times the policy said {after}."
    return f"In {found.older.run_id} the policy said {before}, in {found.newer.run_id} {after}."


def _verdict(side: RunSide) -> str:
    if side.verdict is None:
        return "nothing"
    if side.verdict == "promote":
        return f"to promote {side.recommended}"
    return _VERDICTS[side.verdict]


def _only_in(found: Comparison) -> Iterator[str]:
    for run_id, names in (
        (found.older.run_id, [c.model_name for c in found.candidates if c.newer is None]),
        (found.newer.run_id, [c.model_name for c in found.candidates if c.older is None]),
    ):
        if names:
            yield f"Scored only in {run_id}: {_names(names)}."


def _data(found: Comparison) -> Iterator[str]:
    older, newer = found.older, found.newer
    if older.teacher != newer.teacher:
        yield (
            f"The teacher changed from {older.teacher} to {newer.teacher}, and with it what counts "
            "as right."
        )
    if older.client_id != newer.client_id:
        yield (f"{older.run_id} is of {_client(older)}, {newer.run_id} of {_client(newer)}.")


def _client(side: RunSide) -> str:
    return "all clients" if side.client_id is None else f"client {side.client_id}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {count(more)} more" if more > 0 else "")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _flat(config: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        name = f"{section}.{key}" if section else key
        if isinstance(value, Mapping) and value:
            yield from _flat(value, name)
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(str, value)) or "none"
        else:
            yield name, "none" if value is None or value == {} else str(value)


def verdict_of(recommendation: Recommendation | None) -> tuple[Verdict | None, str | None]:
    """Verdict and model of a recommendation, where there is one."""
    if recommendation is None:
        return None, None
    return recommendation.verdict, recommendation.model_name
