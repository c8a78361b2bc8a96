"""Every clause of the policy, applied to one candidate. Pure."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from flywheel.decisions.policy import Floor, Policy
from flywheel.decisions.verdict import Clause, Verdict
from flywheel.evaluation.headline import UNREADABLE, Metric
from flywheel.evaluation.intervals import wilson
from flywheel.evaluation.paired import Difference, McNemar
from flywheel.evaluation.scores import Scores
from flywheel.formatting import count, duration, percent


class Measured(NamedTuple):
    """A candidate as it was measured, against the reference on the same records."""

    name: str
    scores: Scores
    difference: Difference
    mcnemar: McNemar | None = None


class ReferenceModel(NamedTuple):
    """What the candidates are compared with."""

    name: str  # "the teacher", or the incumbent: "tfidf-svm (r-3)"
    cost_per_1000: Decimal | None


# Without these the others say nothing.
ENOUGH = frozenset({"records", "judged"})


def judge(
    measured: Measured,
    p_adjusted: float,
    candidates: int,
    reference: ReferenceModel,
    policy: Policy,
) -> list[Clause]:
    """The clauses that the policy has, the decisive one first."""
    return list(_clauses(measured, p_adjusted, candidates, reference, policy))


def verdict_of(clauses: Sequence[Clause]) -> Verdict:
    """`promote` where every clause passed, `keep` where one failed, else `insufficient-data`.

    Too few records say nothing, good or bad, nor do records that nobody judged.
    """
    if any(clause.state != "passed" for clause in clauses if clause.name in ENOUGH):
        return "insufficient-data"
    if any(clause.state == "failed" for clause in clauses):
        return "keep"
    if all(clause.state == "passed" for clause in clauses):
        return "promote"
    return "insufficient-data"


def _clauses(
    measured: Measured,
    p_adjusted: float,
    candidates: int,
    reference: ReferenceModel,
    policy: Policy,
) -> Iterator[Clause]:
    scores = measured.scores
    metric = policy.metric_of(scores.workload_type)
    yield _records(measured.difference, policy)
    if metric == "similarity" and policy.max_unjudged is not None:
        yield _judged(measured, policy.max_unjudged)
    yield difference_clause(measured.difference, p_adjusted, candidates, reference.name, policy)
    for floor in policy.floors:
        yield _floor(scores, floor, metric, policy.confidence)
    if policy.max_seconds_p95 is not None:
        yield _latency(scores, policy.max_seconds_p95)
    if policy.min_saving is not None:
        yield _saving(scores, reference, policy.min_saving)
    if policy.max_unparseable is not None:
        yield _unparseable(scores, policy.max_unparseable)


def _records(difference: Difference, policy: Policy) -> Clause:
    enough = difference.n >= policy.min_records
    return Clause(
        name="records",
        state="passed" if enough else "undecided",
        text=f"the policy needs at least {count(policy.min_records)} evaluation records"
        + ("" if enough else f", and there are {count(difference.n)}"),
    )


def _judged(measured: Measured, most: float) -> Clause:
    """Of records with both scores, the candidate's and the reference's."""
    n, judged = measured.scores.n, measured.difference.n
    share = 1 - judged / n
    return Clause(
        name="judged",
        state="passed" if share <= most else "undecided",
        text=f"{percent(share)} of the records have no score by the judge, and the policy allows "
        f"{percent(most)}",
    )


def difference_clause(
    difference: Difference, p_adjusted: float, candidates: int, reference: str, policy: Policy
) -> Clause:
    """Non-inferiority: the whole interval of the difference above minus the margin.

    With several candidates the p-value is Holm-corrected, so that trying more of them does not
    make it easier that one passes by luck.
    """
    margin = policy.margin
    level = (1 - policy.confidence) / 2
    at_worst = _below_or_above(difference.low, reference)
    if difference.low > -margin and p_adjusted < level:
        return Clause(
            name="difference",
            state="passed",
            text=f"at worst it is {at_worst}, and the policy allows {margin:.3f} below",
        )
    if difference.high < -margin:
        at_best = _below_or_above(difference.high, reference)
        return Clause(
            name="difference",
            state="failed",
            text=f"even at best it is {at_best}, and the policy allows {margin:.3f} below",
        )
    if difference.low > -margin:
        return Clause(
            name="difference",
            state="undecided",
            text=f"alone it would pass, but as one of {candidates} candidates it may do so by luck "
            f"(p {p_adjusted:.3f} after Holm's correction, {level:.3f} is needed)",
        )
    return Clause(
        name="difference",
        state="undecided",
        text=f"at worst it is {at_worst}, more than the {margin:.3f} below that the policy allows, "
        f"and at best {_below_or_above(difference.high, reference)}",
    )


def _below_or_above(difference: float, reference: str) -> str:
    side = "below" if difference <= 0 else "above"
    return f"{abs(difference):.3f} {side} {reference}"


def _floor(scores: Scores, floor: Floor, metric: Metric, confidence: float) -> Clause:
    """A floor is judged by the bounds of the class's Wilson interval."""
    what = f"{floor.metric} of {floor.label}"
    asked = f"the policy asks for {floor.at_least:g}"
    right, n = _calls(scores, floor, metric) if scores.tools else _counted(scores, floor)
    if n == 0:
        return Clause(name="floor", state="undecided", text=f"{what} is not known, and {asked}")
    bounds = wilson(right, n, confidence)
    seen = f"{bounds.value:.3f} ({bounds.low:.3f} to {bounds.high:.3f}, n {count(n)})"
    if bounds.low >= floor.at_least:
        return Clause(name="floor", state="passed", text=f"{what} is {seen}, and {asked}")
    if bounds.high < floor.at_least:
        return Clause(name="floor", state="failed", text=f"{what} is only {seen}, and {asked}")
    return Clause(name="floor", state="undecided", text=f"{what} is {seen}, and {asked}")


def _counted(scores: Scores, floor: Floor) -> tuple[int, int]:
    """Of the class: right answers, and all its records (recall) or answers (precision)."""
    table = scores.confusion
    if floor.label not in table.labels:
        return 0, 0
    place = table.labels.index(floor.label)
    row = table.counts[place] if place < len(table.counts) else []
    right = row[place] if row else 0
    if floor.metric == "recall":
        return right, sum(row)
    return right, sum(line[place] for line in table.counts)


def _calls(scores: Scores, floor: Floor, metric: Metric) -> tuple[int, int]:
    """Of the tool: right calls, and all that were expected (recall) or made (precision)."""
    rows = scores.tools.per_tool if scores.tools else []
    for row in rows:
        if row.tool == floor.label:
            recall = row.name_recall if metric == "function_names" else row.exact_recall
            n = row.support if floor.metric == "recall" else row.answered or 0
            return round(recall * row.support), n
    return 0, 0


def _latency(scores: Scores, most: float) -> Clause:
    seen = scores.seconds_p95
    asked = f"the policy allows {duration(most)}"
    if seen is None:
        text = f"the 95th percentile of its time is not known, and {asked}"
        return Clause(name="latency", state="undecided", text=text)
    return Clause(
        name="latency",
        state="passed" if seen <= most else "failed",
        text=f"95 % of its answers come within {duration(seen)}, and {asked}",
    )


def _saving(scores: Scores, reference: ReferenceModel, least: float) -> Clause:
    asked = f"the policy asks for {percent(least)}"
    if scores.cost_per_1000 is None or not reference.cost_per_1000:
        text = f"without both prices its saving is not known, and {asked}"
        return Clause(name="saving", state="undecided", text=text)
    share = float(1 - scores.cost_per_1000 / reference.cost_per_1000)
    seen = f"saves {percent(share)}" if share >= 0 else f"costs {percent(-share)} more"
    return Clause(
        name="saving",
        state="passed" if share >= least else "failed",
        text=f"it {seen} of what {reference.name} costs, and {asked}",
    )


def _unparseable(scores: Scores, most: float) -> Clause:
    share = scores.unparseable / scores.n
    return Clause(
        name="unparseable",
        state="passed" if share <= most else "failed",
        text=f"{percent(share)} of its answers have {UNREADABLE[scores.workload_type]}, and the "
        f"policy allows {percent(most)}",
    )
