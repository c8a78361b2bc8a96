"""The written rule behind a recommendation. People decide; the rule says what the numbers show.

A candidate is judged by the confidence interval of its macro-F1 against a fixed requirement:
`promote` where the whole interval lies at or above it, `keep` where the whole interval lies
below, `insufficient-data` where the interval holds it or the evaluation set is too small.
Each candidate is judged on its own: with several of them, the chance that at least one passes
by luck is higher than for a single one.
"""

from collections.abc import Sequence
from decimal import Decimal

from flywheel.decisions.verdict import CandidateVerdict, Recommendation, Verdict
from flywheel.evaluation.scores import Scores
from flywheel.formatting import count, percent
from flywheel.settings import DecisionConfig

Scored = tuple[str, Scores]

EQUAL_COST = Decimal("0.01")  # of the teacher's cost


def recommend(
    candidates: Sequence[Scored],
    teacher_cost: Decimal | None,
    config: DecisionConfig,
    currency: str,
) -> Recommendation:
    """Apply the rule to the customized candidates of a run; there is at least one.

    Of those that pass, the cheapest is recommended; of several that cost about the same, or
    whose costs are unknown, the one with the best macro-F1, then the fastest. Where none passes,
    the verdict is that of the candidate with the best macro-F1.
    """
    verdicts = {name: _judge(name, scores, config) for name, scores in candidates}
    passing = _order(
        [scored for scored in candidates if verdicts[scored[0]].verdict == "promote"],
        teacher_cost,
    )
    others = sorted(
        (scored for scored in candidates if verdicts[scored[0]].verdict != "promote"),
        key=lambda scored: -scored[1].macro_f1.value,
    )
    name, scores = (passing or others)[0]
    verdict = verdicts[name]
    reason = verdict.reason
    if len(passing) > 1:
        why = _why_first(passing, teacher_cost)
        reason = f"{reason[:-1]}; of the {len(passing)} that pass it is {why}."
    saving, share = None, None
    if passing and teacher_cost is not None and scores.cost_per_1000 is not None:
        saving = teacher_cost - scores.cost_per_1000
        share = float(saving / teacher_cost) if saving >= 0 and teacher_cost > 0 else None
    return Recommendation(
        verdict=verdict.verdict,
        model_name=name,
        reason=reason,
        saving_per_1000=saving,
        saving_share=share,
        currency=currency,
        candidates=[verdicts[name] for name, _ in (*passing, *others)],
    )


def _judge(name: str, scores: Scores, config: DecisionConfig) -> CandidateVerdict:
    required, f1 = config.min_macro_f1, scores.macro_f1
    measured = (
        f"{name} has macro-F1 {f1.value:.3f} on {count(scores.n)} records "
        f"({percent(f1.confidence)} interval {f1.low:.3f} to {f1.high:.3f})"
    )
    verdict: Verdict
    if scores.n < config.min_eval_records:
        verdict = "insufficient-data"
        reason = f"{measured}; the rule needs at least {count(config.min_eval_records)} records."
    elif f1.low >= required:
        verdict = "promote"
        reason = f"{measured}; the whole interval is at or above the required {required:.3f}."
    elif f1.high < required:
        verdict = "keep"
        reason = f"{measured}; the whole interval is below the required {required:.3f}."
    else:
        verdict = "insufficient-data"
        reason = (
            f"{measured}; the interval holds the required {required:.3f}, "
            "so more evaluation records are needed to decide."
        )
    return CandidateVerdict(model_name=name, verdict=verdict, reason=reason)


def _order(passing: Sequence[Scored], teacher_cost: Decimal | None) -> list[Scored]:
    """Best first, with equally cheap ones by score.

    Costs that differ by less than EQUAL_COST of what the teacher costs are the same to whoever
    pays them, and differ by no more than the timing of one run does.
    """
    known = [s.cost_per_1000 for _, s in passing if s.cost_per_1000 is not None]
    tolerance = (teacher_cost or Decimal(0)) * EQUAL_COST
    least = min(known, default=Decimal(0))

    def key(scored: Scored) -> tuple[bool, Decimal, float, float]:
        _, scores = scored
        cost = scores.cost_per_1000
        if cost is None:
            return True, Decimal(0), -scores.macro_f1.value, scores.seconds
        beyond = Decimal(0) if cost - least <= tolerance else cost
        return False, beyond, -scores.macro_f1.value, scores.seconds

    return sorted(passing, key=key)


def _why_first(passing: Sequence[Scored], teacher_cost: Decimal | None) -> str:
    """What sets the first apart from the second."""
    first, second = passing[0][1], passing[1][1]
    better = first.macro_f1.value > second.macro_f1.value
    if first.cost_per_1000 is None:
        return "the best" if better else "the fastest"
    if second.cost_per_1000 is None:
        return "the cheapest with a price"
    if second.cost_per_1000 - first.cost_per_1000 > (teacher_cost or Decimal(0)) * EQUAL_COST:
        return "the cheapest"
    return f"the {'best' if better else 'fastest'} of those that cost about the same"
