"""Completed runs that nobody has to drive: rows as a worker would have left them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from flywheel.db.models import Dataset, Evaluation, Prediction
from flywheel.decisions.policy import policy_document
from flywheel.evaluation.metrics import score
from flywheel.ports.backends import Backends
from flywheel.runs.create import create
from flywheel.settings.run_config import merge_run_config

CLASSES = ["Earnings", "Dividend", "Merger", "Other"]
RECORDS = 60
Labels = Callable[[int], tuple[str, str | None]]


async def add_run(
    backends: Backends,
    folder: Path,
    labels_of: Labels,
    *,
    digest: str = "0",
    seed: int = 7,
    workload_id: str = "news",
    **overrides: object,
) -> None:
    """A completed run with two candidates, of which hashing-sgd is scored.

    `labels_of` says what teacher and candidate answer to a row, `digest` which evaluation set it
    is; the others are those of the run.
    """
    config = merge_run_config(backends.settings, overrides)
    offered = {c.name: c for c in backends.platform.candidates()}
    lines = [
        {
            "id": f"id{row}",
            "label": labels_of(row)[0],
            "request": {
                "messages": [
                    {"role": "system", "content": "Classify."},
                    {"role": "user", "content": [{"type": "text", "text": f"headline {row} "}]},
                ]
            },
        }
        for row in range(RECORDS)
    ]
    path = folder / "eval.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    answers = [labels_of(row) for row in range(RECORDS)]
    ones = [1] * RECORDS
    scores = score(
        [teacher for teacher, _ in answers],
        [candidate for _, candidate in answers],
        [0.1] * RECORDS,
        ones,
        ones,
        config.evaluation_config,
        seed=1,
    )
    async with backends.database.transaction() as session:
        run = await create(
            session,
            workload_id=workload_id,
            client_id=None,
            requested_by="U-ANN",
            config=config,
            seed=seed,
            candidates=[offered["hashing-sgd"], offered["tfidf-svm"]],
            policy=policy_document("margin: 0.25", "policy.yaml"),
        )
        run.status = "completed"
        run.dataset_report = report(seed)
        assert run.id is not None
        session.add(
            Dataset(run_id=run.id, name="eval", uri=str(path), num_records=RECORDS, digest=digest)
        )
        evaluation = Evaluation(
            run_id=run.id,
            candidate="hashing-sgd",
            eval_type="customized-eval",
            scores=scores.model_dump(mode="json"),
        )
        session.add(evaluation)
        await session.flush()
        assert evaluation.id is not None
        session.add_all(
            Prediction(
                evaluation_id=evaluation.id,
                row=row,
                record_id=f"id{row}",
                expected=teacher,
                answer="no idea" if candidate is None else f"[[[{candidate}]]]",
                label=candidate,
                seconds=0.1,
                input_tokens=1,
                output_tokens=1,
                confidence=row / RECORDS,
            )
            for row, (teacher, candidate) in enumerate(answers)
        )


def report(seed: int = 7) -> dict[str, Any]:
    """What became of the records, as a run keeps it."""
    names = (
        *("read", "invalid", "wrong_type", "unlabeled", "duplicates", "near_duplicates"),
        *("conflicting", "usable", "eval", "train", "val", "seed"),
    )
    counts = {"usable": 60, "eval": 20, "train": 40, "val": 0}
    return {
        **dict.fromkeys(names, 0),
        "eval": RECORDS,
        "seed": seed,
        "workload_type": "classification",
        "classes": dict.fromkeys(CLASSES, counts),
        "teacher": {"model_name": "big"},
    }
