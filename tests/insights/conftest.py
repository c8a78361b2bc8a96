"""Runs built by hand, and facts that hold them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from flywheel.datasets.report import ClassCounts, DatasetReport, TeacherUsage
from flywheel.decisions.verdict import CandidateVerdict, Recommendation
from flywheel.evaluation.paired import Difference
from flywheel.evaluation.scores import ClassScore, Confusion, Interval, Scores
from flywheel.insights.reader import answer
from flywheel.ports.backends import Backends
from flywheel.ports.logs import WorkloadSummary
from flywheel.views import (
    Answer,
    CandidateView,
    DatasetView,
    EvaluationView,
    PromotionView,
    RunView,
    StepView,
    TeacherView,
)
from tests.insights.company import opened, write_to

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
TEACHER = "meta/llama-3.3-70b-instruct"

# Rows: the true label; columns: the answer. Dividend is mostly taken for Earnings.
LABELS = ["Earnings", "Stock Movement", "Dividend"]
GOOD = [[230, 6, 4], [8, 110, 2], [9, 2, 29]]
BAD = [[200, 25, 15], [30, 84, 6], [21, 3, 16]]


class Facts:
    """Runs, promotions and workloads held in lists."""

    def __init__(
        self,
        runs: list[RunView],
        incumbents: list[PromotionView] | None = None,
        workloads: list[WorkloadSummary] | None = None,
        older: list[RunView] | None = None,
    ) -> None:
        self._runs = runs
        self._incumbents = incumbents or []
        self._workloads = workloads or []
        self._older = older or []
        self.differences: dict[tuple[str, str, str], Difference] = {}

    async def runs(self, workload_id: str | None = None) -> list[RunView]:
        return [r for r in self._runs if workload_id in {None, r.workload_id}]

    async def run(self, ref: str) -> RunView | None:
        return next((r for r in [*self._runs, *self._older] if r.id == ref), None)

    async def incumbents(self) -> list[PromotionView]:
        return self._incumbents

    async def workloads(self) -> list[WorkloadSummary]:
        return self._workloads

    async def paired(self, run: RunView, one: str, other: str) -> Difference | None:
        return self.differences.get((run.id, one, other))


def interval(value: float, half: float) -> Interval:
    return Interval(
        value=value, low=value - half, high=value + half, confidence=0.95, method="bootstrap"
    )


def scores(
    macro: float,
    half: float = 0.03,
    counts: list[list[int]] = GOOD,
    seconds: float = 0.0004,
    cost: str | None = "0.0004",
) -> Scores:
    rows = []
    for i, label in enumerate(LABELS):
        support, answered = sum(counts[i]), sum(row[i] for row in counts)
        precision, recall = counts[i][i] / answered, counts[i][i] / support
        f1 = 2 * precision * recall / (precision + recall)
        rows.append(
            ClassScore(label=label, precision=precision, recall=recall, f1=f1, support=support)
        )
    n = sum(map(sum, counts))
    right = sum(counts[i][i] for i in range(len(LABELS)))
    return Scores(
        n=n,
        macro_f1=interval(macro, half),
        weighted_f1=interval(macro + 0.011, half),
        accuracy=interval(right / n, half),
        per_class=rows,
        confusion=Confusion(labels=LABELS, counts=counts),
        unparseable=0,
        seconds=seconds,
        input_tokens=0,
        output_tokens=0,
        cost_per_1000=None if cost is None else Decimal(cost),
        seed=7,
    )


def candidate(
    name: str, customized: Scores | None, base: Scores | None = None, error: str | None = None
) -> CandidateView:
    evaluation = EvaluationView(
        eval_type="base-eval",
        scores={},
        started_at=START,
        finished_at=START,
        runtime_seconds=1,
        progress=100,
        status="completed",
        measures="most frequent label",
        detail=base,
    )
    return CandidateView(
        model_name=name,
        status="failed" if error else "completed",
        runtime_seconds=3,
        evaluations=[evaluation] if base else [],
        customizations=[],
        error=error,
        base=base,
        customized=customized,
    )


def report(teacher: TeacherUsage) -> DatasetReport:
    return DatasetReport(
        workload_type="classification",
        read=2100,
        invalid=3,
        wrong_type=0,
        unlabeled=5,
        duplicates=60,
        near_duplicates=32,
        conflicting=4,
        usable=2000,
        eval=400,
        train=1440,
        val=160,
        classes={
            "Earnings": ClassCounts(usable=1200, eval=240, train=864, val=96),
            "Stock Movement": ClassCounts(usable=600, eval=120, train=432, val=48),
            "Dividend": ClassCounts(usable=200, eval=40, train=144, val=16),
        },
        notes=["Classes with one record are used for training only."],
        seed=42,
        teacher=teacher,
    )


def verdict(name: str, what: str, reason: str) -> CandidateVerdict:
    return CandidateVerdict.model_validate({"model_name": name, "verdict": what, "reason": reason})


def finished_run(
    ref: str = "r-12",
    workload: str = "news_topics",
    candidates: list[CandidateView] | None = None,
    teacher_cost: str | None = "0.25",
    eval_digest: str = "e" * 64,
    **changes: object,
) -> RunView:
    if candidates is None:
        candidates = [
            candidate("tfidf-svm", scores(0.874), base=scores(0.251, counts=BAD)),
            candidate("tfidf-logreg", scores(0.861, seconds=0.0005, cost="0.0005")),
            candidate("hashing-sgd", scores(0.702, counts=BAD, seconds=0.0002, cost="0.0002")),
        ]
    usage = TeacherUsage(model_name=TEACHER, input_tokens=310.0, output_tokens=9.0, seconds=1.2)
    cost = None if teacher_cost is None else Decimal(teacher_cost)
    saving = None if cost is None else cost - Decimal("0.0004")
    view = RunView(
        id=ref,
        workload_id=workload,
        client_id=None,
        status="completed",
        started_at=START,
        finished_at=START + timedelta(seconds=185),
        num_records=2000,
        datasets=[DatasetView(name="eval", num_records=400, digest=eval_digest)],
        nims=candidates,
        error=None,
        created_at=START,
        requested_by="U1",
        seed=42,
        version=9,
        steps=[],
        dataset_report=report(usage),
        teacher=TeacherView(**usage.model_dump(), cost_per_1000=cost),
        recommendation=Recommendation(
            verdict="promote",
            model_name="tfidf-svm",
            reason="tfidf-svm reaches the required 0.750; of the 2 that pass it is the cheapest.",
            saving_per_1000=saving,
            saving_share=None if saving is None or cost is None else float(saving / cost),
            currency="USD",
            candidates=[
                verdict("tfidf-svm", "promote", "tfidf-svm reaches the required 0.750."),
                verdict("tfidf-logreg", "promote", "tfidf-logreg reaches the required 0.750."),
                verdict("hashing-sgd", "keep", "hashing-sgd is below the required 0.750."),
            ],
        ),
    )
    return view.model_copy(update=changes)


def running_run(ref: str = "r-13", workload: str = "news_topics") -> RunView:
    steps = [
        ("build-datasets", None, "completed", 100),
        ("customize", "tfidf-svm", "running", 40),
        ("base-eval", "tfidf-svm", "pending", 0),
        ("decide", None, "pending", 0),
    ]
    return RunView(
        id=ref,
        workload_id=workload,
        client_id=None,
        status="running",
        started_at=START + timedelta(hours=1),
        finished_at=None,
        num_records=None,
        datasets=[],
        nims=[candidate("tfidf-svm", None)],
        error=None,
        created_at=START,
        requested_by="U2",
        seed=42,
        version=3,
        steps=[
            StepView.model_validate(
                {"kind": k, "candidate": c, "status": s, "percent": p, "message": "", "error": None}
            )
            for k, c, s, p in steps
        ],
    )


def promotion(workload: str = "news_topics", run: str = "r-9") -> PromotionView:
    return PromotionView(
        workload_id=workload,
        model_name="tfidf-svm",
        run_id=run,
        status="active",
        approved_by="U77",
        approved_at=START + timedelta(days=1),
        reason="good enough on Dividend",
        macro_f1=0.832,
        model_uri="models/1",
        digest="a" * 64,
        replaced=f"{TEACHER}",
    )


def logged(
    workload: str = "news_topics", client: str = "news-app", n: int = 2100
) -> WorkloadSummary:
    return WorkloadSummary(
        workload_id=workload,
        client_id=client,
        records=n,
        first=START - timedelta(days=30),
        last=START,
        answers={"Earnings": n // 2, "Stock Movement": n // 3, "Dividend": n // 6},
    )


@pytest.fixture
def facts() -> Facts:
    """Two workloads; the newest run is still going; an older model is promoted."""
    old = finished_run("r-9", candidates=[candidate("tfidf-svm", scores(0.832))])
    sentiment = finished_run(
        "r-11",
        "news_sentiment",
        [candidate("hashing-sgd", scores(0.655)), candidate("tfidf-svm", scores(0.61))],
        recommendation=None,
        eval_digest="f" * 64,
    )
    return Facts(
        [running_run(), finished_run(), sentiment],
        [promotion()],
        [logged(), logged("news_sentiment", "desk", 900)],
        older=[old],
    )


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def ask(facts: Facts) -> Ask:
    """`await ask(question)` over the facts."""

    async def _ask(question: str, focus_run: str | None = None) -> Answer:
        return await answer(question, facts, focus_run)

    return _ask


class Build:
    """The builders, for tests that need facts of their own."""

    facts = Facts
    interval = staticmethod(interval)
    scores = staticmethod(scores)
    candidate = staticmethod(candidate)
    finished_run = staticmethod(finished_run)
    running_run = staticmethod(running_run)
    promotion = staticmethod(promotion)
    logged = staticmethod(logged)


@pytest.fixture
def build() -> type[Build]:
    return Build


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company of the examination, which no test changes."""
    return write_to(tmp_path_factory.mktemp("company"))


@pytest.fixture
async def company(home: Path) -> AsyncIterator[Backends]:
    async with opened(home) as backends:
        yield backends
