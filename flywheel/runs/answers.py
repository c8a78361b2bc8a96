"""The stored answers of one evaluation, as comparisons look at them."""

from sqlmodel import col, select

from flywheel.db.models import Evaluation, Prediction
from flywheel.decisions.answered import Answered
from flywheel.evaluation.headline import Metric
from flywheel.evaluation.judge import similarity_share
from flywheel.ports.backends import Backends


async def load_answers(
    backends: Backends, run_id: int | None, candidate: str, eval_type: str, metric: Metric
) -> Answered:
    """What a model answered, by row, as far as the metric looks at it."""
    query = (
        select(Prediction)
        .join(Evaluation, col(Evaluation.id) == col(Prediction.evaluation_id))
        .where(
            Evaluation.run_id == run_id,
            Evaluation.candidate == candidate,
            Evaluation.eval_type == eval_type,
        )
        .order_by(col(Prediction.row))
    )
    async with backends.database.transaction() as session:
        rows = list(await session.exec(query))
    expected, records = [row.expected for row in rows], [row.record_id for row in rows]
    if metric == "similarity":
        shares = [None if row.judged is None else similarity_share(row.judged) for row in rows]
        return Answered(expected, [None] * len(rows), records, shares)
    if metric == "tool_calls":  # right or wrong, whichever tools it calls
        labels = [row.expected if row.correct else None for row in rows]
        return Answered(expected, labels, records)
    return Answered(expected, [row.label for row in rows], records)
