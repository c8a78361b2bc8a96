"""What is true in the company of an examination: its values, its names and its texts. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from flywheel.formatting import count, score
from flywheel.insights.values import (
    Value,
    Values,
    cost_value,
    log_values,
    promotion_values,
    run_values,
    saving_value,
)
from flywheel.ports.logs import WorkloadSummary
from flywheel.views import PromotionView, RunView

PERIODS = ("day", "week", "month", "year")
_SAVING = re.compile(r"saving/(r-\d+)/(.+)/(\d+)(?:/(day|week|month|year))?")


@dataclass(frozen=True)
class Truth:
    """Everything that answers may come from."""

    runs: Sequence[RunView]
    promotions: Sequence[PromotionView]
    workloads: Sequence[WorkloadSummary]

    @cached_property
    def values(self) -> Values:
        """Every value but amounts of money for as many requests as somebody asks about."""
        found: Values = {}
        for run in self.runs:
            found |= run_values(run)
        return found | self._promoted | self._logged

    @cached_property
    def names(self) -> list[str]:
        """Whatever has a name of its own, the longest first: digits in names are no numbers."""
        found = {"macro-F1", "weighted F1", "F1"}
        for run in self.runs:
            found |= {run.workload_id, run.requested_by, *_names_of(run)}
        for promotion in self.promotions:
            found |= {promotion.model_name, promotion.approved_by}
        for summary in self.workloads:
            found |= {summary.workload_id, summary.client_id, *summary.answers}
        return sorted(filter(None, found), key=len, reverse=True)

    def value(self, value_id: str) -> Value | None:
        """The value of that id; those of savings are reckoned."""
        if match := _SAVING.fullmatch(value_id):
            ref, candidate, requests, period = match.groups()
            run = next((run for run in self.runs if run.id == ref), None)
            return None if run is None else saving_value(run, candidate, int(requests), period)
        return self.values.get(value_id)

    def cited(self, sources: Iterable[str], amounts: Sequence[int]) -> Iterator[str]:
        """Every number, as it is shown, of what the sources name; money for these requests too."""
        sources = list(sources)
        refs = {ref for source in sources for ref in re.findall(r"r-\d+", source)}
        for run in self.runs:
            if run.id in refs:
                yield from (value.shown for value in run_values(run).values())
                yield from _besides(run)
                for requests in amounts:
                    yield from _money(run, requests)
        if any("incumbents" in source for source in sources):
            yield from (value.shown for value in self._promoted.values())
        if any("logs" in source for source in sources):
            yield from (value.shown for value in self._logged.values())

    def texts(self) -> list[str]:
        """Sentences that runs and people have left, which may be quoted, the longest first."""
        found: set[str] = {promotion.reason for promotion in self.promotions}
        for run in self.runs:
            found |= set(_texts_of(run))
        return sorted(filter(None, found), key=len, reverse=True)

    @cached_property
    def _promoted(self) -> Values:
        return promotion_values(self.promotions)

    @cached_property
    def _logged(self) -> Values:
        return log_values(self.workloads)


def _names_of(run: RunView) -> Iterator[str]:
    yield from (candidate.model_name for candidate in run.nims)
    if run.teacher:
        yield run.teacher.model_name
    if run.dataset_report:
        yield from run.dataset_report.classes
    yield from run.approval.approved_by if run.approval else ()


def _texts_of(run: RunView) -> Iterator[str]:
    said = run.recommendation
    if said is not None:
        yield said.reason
        for verdict in said.candidates:
            yield verdict.reason
            yield from (clause.text for clause in verdict.clauses)
    yield run.error or ""
    yield from (candidate.error or "" for candidate in run.nims)
    yield from run.dataset_report.notes if run.dataset_report else ()


def _besides(run: RunView) -> Iterator[str]:
    """Numbers of a run that have no id: how far a step is, how many classes and votes."""
    yield from (f"{step.percent:.0f} %" for step in run.steps)
    if run.dataset_report is not None:
        yield count(len(run.dataset_report.classes))
        if run.dataset_report.conflicts is not None:
            yield count(run.dataset_report.conflicts.dropped)
    if run.approval is not None:
        yield f"{run.approval.needed} {len(run.approval.approved_by)}"
    scored = [candidate.customized for candidate in run.nims]
    for scores in (*scored, run.compared.scores if run.compared else None):
        for row in scores.per_class if scores else ():
            if (interval := row.recall_interval) is not None:
                yield score(interval, row.support)


def _money(run: RunView, requests: int) -> Iterator[str]:
    yield count(requests)
    for name in ("teacher", *(candidate.model_name for candidate in run.nims)):
        for value in (
            cost_value(run, name, requests, None),
            saving_value(run, name, requests, None) if name != "teacher" else None,
        ):
            if value is not None:
                yield value.shown.removeprefix("-")
