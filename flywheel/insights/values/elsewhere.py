"""Numbers that belong to no run: of the log, and of what serves."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from flywheel.evaluation.headline import NAMES
from flywheel.formatting import count, when
from flywheel.insights.values.value import Value, Values, collected
from flywheel.ports.logs import WorkloadSummary
from flywheel.views import PromotionView


def log_values(summaries: Sequence[WorkloadSummary]) -> Values:
    """What the log holds, by workload."""
    return collected(_log(summaries))


def promotion_values(promotions: Sequence[PromotionView]) -> Values:
    """Of the promotions in force."""
    return collected(_promotions(promotions))


def _log(summaries: Sequence[WorkloadSummary]) -> Iterator[Value]:
    for workload in sorted({summary.workload_id for summary in summaries}):
        of_it = [summary for summary in summaries if summary.workload_id == workload]
        records = sum(summary.records for summary in of_it)
        shown = {
            "records": count(records),
            "first": when(min(summary.first for summary in of_it)),
            "last": when(max(summary.last for summary in of_it)),
        }
        said = {"records": "records in the log", "first": "oldest record", "last": "newest record"}
        for key, words in shown.items():
            yield Value(
                id=f"log/{workload}/{key}",
                measure=said[key],
                shown=words,
                number=Decimal(records) if key == "records" else None,
                of=(workload,),
                source="flywheel logs workloads",
            )


def _promotions(promotions: Sequence[PromotionView]) -> Iterator[Value]:
    for promotion in promotions:
        start, names = f"promotion/{promotion.workload_id}", (promotion.model_name,)
        approved = when(promotion.approved_at)
        facts = {"approved_at": ("approval", approved), "by": ("approver", promotion.approved_by)}
        if promotion.reason:
            facts["reason"] = ("reason given", promotion.reason)
        if promotion.score is not None:
            facts["score"] = (NAMES[promotion.metric], f"{promotion.score:.3f}")
        for key, (measure, shown) in facts.items():
            yield Value(
                id=f"{start}/{key}",
                measure=measure,
                shown=shown,
                of=names,
                run=promotion.run_id,
                quoted=key == "reason",
                source="flywheel incumbents",
            )
