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


def recommend(
    candidates: Sequence[Scored],
    teacher_cost: Decimal | None,
    config: DecisionConfig,
    currency: str,
) -> Recommendation:
    """Apply the rule to the customized candidates of a run; there is at least one.

    Of those that pass, the cheapest is recommended; where costs are equal or unknown the
    fastest, then the one with the best macro-F1. Where none passes, the verdict is that of the
    candidate with the best macro-F1.
    """
    verdicts = {name: _judge(name, scores, config) for name, scores in candidates}
    passing = sorted(
        (scored for scored in candidates if verdicts[scored[0]].verdict == "promote"),
        key=_cheapest_fastest_best,
    )
    others = sorted(
        (scored for scored in candidates if verdicts[scored[0]].verdict != "promote"),
        key=lambda scored: -scored[1].macro_f1.value,
    )
    name, scores = (passing or others)[0]
    verdict = verdicts[name]
    reason = verdict.reason
    if len(passing) > 1:
        reason = f"{reason[:-1]}; of the {len(passing)} that pass it is {_why_first(passing)}."
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


def _cheapest_fastest_best(scored: Scored) -> tuple[bool, Decimal, float, float]:
    scores = scored[1]
    cost = scores.cost_per_1000
    return cost is None, cost or Decimal(0), scores.seconds, -scores.macro_f1.value


def _why_first(passing: Sequence[Scored]) -> str:
    first, second = _cheapest_fastest_best(passing[0]), _cheapest_fastest_best(passing[1])
    if first[:2] != second[:2]:
        return "the cheapest"
    return "the fastest" if first[2] != second[2] else "the best"
