"""Run views as they might come: any names, any sizes, any state."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from flywheel.datasets.report import DatasetReport, TeacherUsage
from flywheel.decisions.comparison import (
    CandidateSides,
    Comparison,
    RunSide,
    Scored,
    SettingChange,
)
from flywheel.decisions.regression import Shift
from flywheel.decisions.verdict import CandidateVerdict, Recommendation
from flywheel.evaluation.audit import Agreement, Audit
from flywheel.evaluation.scores import Confusion, Interval, Scores
from flywheel.service.review import LastAnswer, Reveal, Standing
from flywheel.service.review_material import Question
from flywheel.views import ApprovalView, CandidateView, RunView, StepView, TeacherView, WaitsView

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
APPROVAL = ApprovalView(
    id="ap-1", needed=1, approved_by=[], four_eyes=False, expires_at=None, digests={}
)

names = st.one_of(
    st.sampled_from(
        [
            "news_classifier",
            "a",
            "<!channel>",
            "`x` *y*",
            "x" * 400,
            "a & b <@U1234567>",
            "👩‍👩‍👧 🇬🇧 🎯" * 30,
            "שלום \u202eעולם",
        ]
    ),
    st.text(min_size=1, max_size=200),
)
prose = st.one_of(st.none(), st.text(max_size=200), st.just("word & <tag> " * 900))


def interval(value: float) -> Interval:
    """An interval around a value."""
    return Interval(
        value=value,
        low=max(0, value - 0.03),
        high=min(1, value + 0.03),
        confidence=0.95,
        method="x",
    )


def scores_of(value: float, cost: Decimal | None = Decimal("0.004")) -> Scores:
    """Scores with this macro-F1."""
    return Scores(
        n=400,
        macro_f1=interval(value),
        weighted_f1=interval(value),
        accuracy=interval(value),
        per_class=[],
        confusion=Confusion(labels=[], counts=[]),
        unparseable=0,
        seconds=0.002,
        input_tokens=30,
        output_tokens=4,
        cost_per_1000=cost,
        seed=1,
    )


def report() -> DatasetReport:
    """What became of 2,000 records."""
    return DatasetReport(
        workload_type="classification",
        read=2000,
        invalid=0,
        wrong_type=0,
        unlabeled=0,
        duplicates=10,
        near_duplicates=5,
        conflicting=0,
        usable=1985,
        eval=400,
        train=1426,
        val=159,
        classes={},
        seed=42,
        teacher=TeacherUsage(model_name="big-model"),
    )


def candidate(name: str, macro_f1: float | None = 0.9, error: str | None = None) -> CandidateView:
    """A candidate, scored or not."""
    return CandidateView(
        model_name=name,
        status="failed" if error else "completed",
        runtime_seconds=3.0,
        evaluations=[],
        customizations=[],
        error=error,
        base=None if macro_f1 is None else scores_of(macro_f1 / 3),
        customized=None if macro_f1 is None else scores_of(macro_f1),
    )


def run_view(
    status: str = "completed",
    candidates: tuple[CandidateView, ...] = (
        candidate("tfidf-svm"),
        candidate("tfidf-logreg", 0.7),
    ),
    verdict: str = "promote",
    **fields: object,
) -> RunView:
    """A run; completed, with a recommendation, unless told otherwise."""
    done = status == "completed"
    first = candidates[0].model_name if candidates else None
    recommendation = Recommendation(
        verdict=verdict if first else "insufficient-data",
        model_name=first,
        reason="Its interval is clear of the limit 0.75.",
        saving_per_1000=Decimal("0.72"),
        saving_share=0.994,
        candidates=[
            CandidateVerdict(
                model_name=c.model_name,
                verdict="promote" if i == 0 and verdict == "promote" else "keep",
                reason="because",
            )
            for i, c in enumerate(candidates)
        ],
    )
    steps = [
        StepView(
            kind=kind,
            candidate=c.model_name,
            status="completed" if done else "running",
            percent=100.0 if done else 40.0,
            message="",
            error=None,
        )
        for c in candidates
        for kind in ("customize", "base-eval", "customized-eval")
    ]
    values: dict[str, object] = {
        "id": "r-12",
        "workload_id": "news_classifier",
        "client_id": None,
        "status": status,
        "started_at": NOW - timedelta(seconds=41),
        "finished_at": NOW if status in {"completed", "failed", "cancelled"} else None,
        "num_records": 2000,
        "datasets": [],
        "nims": list(candidates),
        "error": None,
        "created_at": NOW - timedelta(seconds=42),
        "requested_by": "U0CONSOLE01",
        "seed": 42,
        "version": 9,
        "steps": steps,
        "dataset_report": report(),
        "teacher": TeacherView(
            model_name="big-model",
            input_tokens=60.0,
            output_tokens=5.0,
            seconds=0.8,
            cost_per_1000=Decimal("0.7244"),
        ),
        "recommendation": recommendation if done else None,
        "summary": "tfidf-svm answers as the big model does." if done else None,
        "approval_id": "ap-1" if done and verdict == "promote" else None,
        "approval": APPROVAL if done and verdict == "promote" else None,
        "incumbent": None,
    }
    return RunView.model_validate({**values, **fields})


@st.composite
def approvals(draw: st.DrawFn, models: list[str]) -> ApprovalView | None:
    """Any open question about these models."""
    if not draw(st.booleans()):
        return None
    return ApprovalView(
        id="ap-1",
        needed=draw(st.integers(1, 10)),
        approved_by=draw(st.lists(st.one_of(st.just("U0CONSOLE01"), names), max_size=10)),
        four_eyes=draw(st.booleans()),
        expires_at=draw(st.sampled_from([None, NOW])),
        digests=dict.fromkeys(models, "ab" * 32),
    )


@st.composite
def run_views(draw: st.DrawFn) -> RunView:
    """Any run."""
    status = draw(
        st.sampled_from(["pending", "running", "cancelling", "completed", "failed", "cancelled"])
    )
    found = draw(st.lists(names, max_size=8, unique=True))
    found += [f"extra-{i}" for i in range(draw(st.sampled_from([0, 0, 0, 200])))]
    candidates = tuple(
        candidate(
            name,
            draw(st.one_of(st.none(), st.floats(0, 1))) if i < 8 else 0.5,
            draw(prose) if i < 8 else None,
        )
        for i, name in enumerate(found)
    )
    view = run_view(
        status,
        candidates,
        draw(st.sampled_from(["promote", "keep", "insufficient-data"])),
        workload_id=draw(names),
        client_id=draw(st.one_of(st.none(), names)),
        requested_by=draw(st.one_of(st.just("U0CONSOLE01"), names)),
        summary=draw(prose),
        error=draw(prose),
        incumbent=draw(st.one_of(st.none(), names)),
        approval=draw(approvals(found)),
        previous_run=draw(st.sampled_from([None, "r-11"])),
    )
    if status == "completed":
        return view
    steps = [step.model_copy(update=draw(_standings_of_steps)) for step in view.steps[:12]]
    return view.model_copy(update={"steps": [*steps, *view.steps[12:]]})


_later = st.sampled_from([None, NOW, NOW + timedelta(days=9)])
_standings_of_steps = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["pending", "running", "completed", "failed", "skipped"]),
        "percent": st.floats(0, 100),
        "message": st.one_of(st.just(""), names),
        "error": prose,
        "expected_start": _later,
        "expected_end": _later,
        "waits": st.one_of(
            st.none(),
            st.builds(
                WaitsView,
                pool=names,
                held_by=st.lists(st.just("r-4"), min_size=1, max_size=9),
                place=st.integers(1, 1200),
            ),
        ),
    }
)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Anybody's review of anything."""
    texts = st.one_of(names, st.just("word & <tag>\n" * 900), st.just(""))
    candidate_name, records = draw(names), draw(st.integers(1, 10**6))
    questions = st.builds(
        Question,
        run_id=st.just("r-12"),
        candidate=st.just(candidate_name),
        row=st.integers(0, 10**6),
        text=texts,
        a=texts,
        b=texts,
        classes=st.lists(names, max_size=3),
    )
    reveals = st.builds(
        Reveal,
        a_is=st.sampled_from(["teacher", "candidate"]),
        judgement=st.just("unclear"),
        right_label=st.none(),
        teacher_model=names,
        candidate=st.just(candidate_name),
    )
    last = st.builds(
        LastAnswer,
        question=questions,
        choice=st.sampled_from(["a", "b", "both", "neither", "unclear"]),
        reveal=reveals,
    )
    return Standing(
        run_id="r-12",
        candidate=candidate_name,
        records=records,
        mine=draw(st.integers(0, records)),
        anybody=draw(st.integers(0, records)),
        question=draw(st.one_of(st.none(), questions)),
        last=draw(st.one_of(st.none(), last)),
        audit=draw(st.one_of(st.none(), audits())),
    )


@st.composite
def audits(draw: st.DrawFn) -> Audit:
    """What people may have found."""
    enough = draw(st.booleans())
    agreement = Agreement(records=4, same=0.75, kappa=draw(st.sampled_from([None, 0.61])))
    return Audit(
        people=draw(st.integers(1, 30)),
        records=draw(st.integers(0, 500)),
        unclear=draw(st.integers(0, 9)),
        missing=0 if enough else 7,
        raw=0.9,
        candidate=interval(0.8) if enough else None,
        teacher=interval(0.9) if enough else None,
        agreement=draw(st.sampled_from([None, agreement])),
    )


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Any two runs side by side."""

    def side(run_id: str) -> RunSide:
        return RunSide(
            run_id=run_id,
            client_id=draw(st.one_of(st.none(), names)),
            finished_at=draw(st.sampled_from([None, NOW])),
            records=draw(st.integers(0, 10**9)),
            train=draw(st.integers(0, 10**9)),
            eval=400,
            eval_digest="ab",
            seed=draw(st.integers(0, 2**31)),
            teacher=draw(names),
            verdict=draw(st.sampled_from(["promote", "keep", "insufficient-data", None])),
            recommended=draw(names),
        )

    found = draw(st.lists(names, max_size=8, unique=True))
    found += [f"extra-{i}" for i in range(draw(st.sampled_from([0, 0, 0, 200])))]
    scored = st.one_of(
        st.none(),
        st.floats(0, 1).map(lambda v: Scored(metric="macro_f1", interval=interval(v), n=400)),
    )
    changes = st.sampled_from(["improved", "same", "worse"])
    shifts = st.one_of(
        st.none(),
        changes.map(lambda c: Shift(before=0.5, after=0.6, low=0.01, high=0.2, change=c)),
    )
    settings = st.builds(SettingChange, name=names, older=names, newer=names)
    return Comparison(
        workload_id=draw(names),
        older=side("r-11"),
        newer=side("r-12"),
        same_records=draw(st.booleans()),
        confidence=0.95,
        candidates=[
            CandidateSides(
                model_name=name, older=draw(scored), newer=draw(scored), shift=draw(shifts)
            )
            for name in found
        ],
        settings=draw(st.lists(settings, max_size=40)),
    )
