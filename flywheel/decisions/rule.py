"""The policy applied to the candidates of a run. People decide; it says what the numbers show.

A candidate passes where it is not inferior to the reference: where the lower bound of the paired
difference lies above minus the margin (Walker & Nowacki, Understanding equivalence and
noninferiority testing, J Gen Intern Med 26, 2011), corrected for the number of candidates (Holm,
Scand J Stat 6, 1979), and where every other clause of the policy holds.
"""

from collections.abc import Sequence
from decimal import Decimal

from flywheel.decisions.clauses import ENOUGH, Measured, ReferenceModel, judge, verdict_of
from flywheel.decisions.pareto import Point, pareto_front
from flywheel.decisions.policy import Policy, PolicyDocument
from flywheel.decisions.verdict import CandidateVerdict, Clause, Recommendation
from flywheel.errors import DataError
from flywheel.evaluation.headline import NAMES, Metric
from flywheel.evaluation.paired import holm
from flywheel.evaluation.planner import more_needed
from flywheel.evaluation.scores import Interval, Scores
from flywheel.formatting import count, percent

_WORDS: dict[Metric, str] = {
    **NAMES,
    "similarity": "a judge's similarity (1 to 10 taken as 0 to 1) of",
}


def recommend(
    candidates: Sequence[Measured],
    reference: ReferenceModel,
    document: PolicyDocument,
    teacher_cost: Decimal | None,
    currency: str,
) -> Recommendation:
    """Apply the policy to the customized candidates of a run; there is at least one.

    Of those that pass, the cheapest is recommended; of several that cost about the same, or
    whose costs are unknown, the one with the best score, then the fastest. Where none passes,
    the verdict is that of the candidate with the best score. `teacher_cost` per 1,000 requests
    is what the saving is reckoned from.
    """
    policy = document.parsed()
    adjusted = holm([measured.difference.p_value for measured in candidates])
    verdicts = {
        measured.name: _verdict(measured, p, len(candidates), reference, policy)
        for measured, p in zip(candidates, adjusted, strict=True)
    }
    passing = _order(
        [m for m in candidates if verdicts[m.name].verdict == "promote"], reference, policy
    )
    others = sorted(
        (m for m in candidates if verdicts[m.name].verdict != "promote"),
        key=lambda m: -headline(m.scores, policy).value,
    )
    chosen = (passing or others)[0]
    verdict = verdicts[chosen.name]
    reason = verdict.reason
    if len(passing) > 1:
        why = _why_first(passing, reference, policy)
        reason = f"{reason[:-1]}; of the {len(passing)} that pass it is {why}."
    saving, share = None, None
    cost = chosen.scores.cost_per_1000
    if passing and teacher_cost is not None and cost is not None:
        saving = teacher_cost - cost
        share = float(saving / teacher_cost) if saving >= 0 and teacher_cost > 0 else None
    return Recommendation(
        verdict=verdict.verdict,
        model_name=chosen.name,
        reason=reason,
        saving_per_1000=saving,
        saving_share=share,
        currency=currency,
        candidates=[verdicts[m.name] for m in (*passing, *others)],
        reference=reference.name,
        policy=document,
        pareto=pareto_front(
            Point(m.name, headline(m.scores, policy).value, m.scores.cost_per_1000)
            for m in candidates
        ),
    )


def headline(scores: Scores, policy: Policy) -> Interval:
    """The score that the policy goes by; similarity on the scale of margins, 0 to 1.

    Raises DataError where it was not measured.
    """
    metric = policy.metric_of(scores.workload_type)
    interval = scores.share(metric)
    if interval is None:
        raise DataError(f"There is no {NAMES[metric]} of this model.")
    return interval


def _verdict(
    measured: Measured,
    p_adjusted: float,
    candidates: int,
    reference: ReferenceModel,
    policy: Policy,
) -> CandidateVerdict:
    clauses = judge(measured, p_adjusted, candidates, reference, policy)
    verdict = verdict_of(clauses)
    needed = None
    judged = all(c.state == "passed" for c in clauses if c.name == "judged")
    if verdict == "insufficient-data" and judged:
        needed = more_needed(measured.difference, policy.margin, policy.confidence)
    decided = _decisive(clauses)
    return CandidateVerdict(
        model_name=measured.name,
        verdict=verdict,
        reason=_reason(measured, decided, needed, policy),
        clauses=clauses,
        difference=measured.difference,
        p_adjusted=p_adjusted,
        mcnemar=measured.mcnemar,
        records_needed=needed,
    )


def _decisive(clauses: Sequence[Clause]) -> list[Clause]:
    """Those that the verdict rests on."""
    few = [c for c in clauses if c.name in ENOUGH and c.state != "passed"]
    failed = [c for c in clauses if c.state == "failed"]
    undecided = [c for c in clauses if c.state == "undecided"]
    return few or failed or undecided or [c for c in clauses if c.name == "difference"]


def _reason(
    measured: Measured, decided: Sequence[Clause], needed: int | None, policy: Policy
) -> str:
    """One sentence: the score, then the clauses that decided."""
    score, n = headline(measured.scores, policy), measured.difference.n
    metric = policy.metric_of(measured.scores.workload_type)
    seen = (
        f"{measured.name} has {_WORDS[metric]} {score.value:.3f} on "
        f"{count(n)} records ({percent(score.confidence)} interval "
        f"{score.low:.3f} to {score.high:.3f})"
    )
    parts = [seen, *(clause.text for clause in decided)]
    if needed is not None and needed > n:
        parts.append(f"about {count(needed)} evaluation records would decide")
    return "; ".join(parts) + "."


def _order(
    passing: Sequence[Measured], reference: ReferenceModel, policy: Policy
) -> list[Measured]:
    """Best first, with equally cheap ones by score.

    A cost difference that is nothing next to what the reference costs is no reason to take a
    weaker model, and no larger than the timing of one run varies.
    """
    known = [m.scores.cost_per_1000 for m in passing if m.scores.cost_per_1000 is not None]
    tolerance = (reference.cost_per_1000 or Decimal(0)) * policy.equal_cost
    least = min(known, default=Decimal(0))

    def key(measured: Measured) -> tuple[bool, Decimal, float, float]:
        scores = measured.scores
        cost, value = scores.cost_per_1000, headline(scores, policy).value
        if cost is None:
            return True, Decimal(0), -value, scores.seconds
        beyond = Decimal(0) if cost - least <= tolerance else cost
        return False, beyond, -value, scores.seconds

    return sorted(passing, key=key)


def _why_first(passing: Sequence[Measured], reference: ReferenceModel, policy: Policy) -> str:
    """What sets the first apart from the second."""
    first, second = passing[0].scores, passing[1].scores
    better = headline(first, policy).value > headline(second, policy).value
    if first.cost_per_1000 is None:
        return "the best" if better else "the fastest"
    if second.cost_per_1000 is None:
        return "the cheapest with a price"
    tolerance = (reference.cost_per_1000 or Decimal(0)) * policy.equal_cost
    if second.cost_per_1000 - first.cost_per_1000 > tolerance:
        return "the cheapest"
    return f"the {'best' if better else 'fastest'} of those that cost about the same"
