"""What the runs of the examination measured, by the product's own code."""

from dataclasses import dataclass

from flywheel.datasets.report import ClassCounts, Conflicts, DatasetReport, TeacherUsage
from flywheel.decisions.answered import difference
from flywheel.decisions.clauses import Measured, ReferenceModel
from flywheel.decisions.policy import PolicyDocument, policy_document
from flywheel.decisions.rule import recommend
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.cost import cost_per_1000, find_price
from flywheel.evaluation.paired import mcnemar
from flywheel.insights.exam.answering import SCORING, Sat, class_sizes, sit
from flywheel.insights.exam.story import MODELS, PRICES, WORKLOADS, RunOf
from flywheel.settings import RunConfig, stored_run_config

_SEED = 42


@dataclass(frozen=True)
class MeasuredRun:
    """All that came of a run; `sat` by candidate and 'base', 'final' or 'incumbent'."""

    policy: PolicyDocument
    report: DatasetReport | None
    recommendation: Recommendation | None
    sat: dict[tuple[str, str], Sat]


def settings_of(run: RunOf) -> RunConfig:
    """The configuration that the run was started under."""
    return stored_run_config(
        {
            "candidates": [candidate.name for candidate in run.candidates],
            "prices": PRICES.model_dump(),
            "data_split_config": {"eval_size": max(run.records, 1)},
        }
    )


def measure(number: int, run: RunOf, incumbent: str) -> MeasuredRun:
    """Everything that the run measured; `incumbent` is the model in force, '' for none."""
    policy = _policy(run)
    report = _report(run) if run.records else None
    if run.status != "completed":
        return MeasuredRun(policy, report, None, {})
    sat = _sat(number, run, incumbent)
    recommendation = _recommendation(run, incumbent, policy, sat)
    return MeasuredRun(policy, report, recommendation, sat)


def _policy(run: RunOf) -> PolicyDocument:
    reference = "teacher" if run.incumbent_error is None else "incumbent"
    text = f"reference: {reference}\nmargin: {run.margin}\nmin_records: 100\n"
    return policy_document(text, "policy.yaml")


def _sat(number: int, run: RunOf, incumbent: str) -> dict[tuple[str, str], Sat]:
    workload = WORKLOADS[run.workload]
    found = {}
    for candidate in run.candidates:
        if candidate.failed:
            continue
        for kind, error in (("base", candidate.base_error), ("final", candidate.error)):
            found[candidate.name, kind] = sit(
                workload,
                MODELS[candidate.name],
                run.records,
                error,
                f"{number}/{candidate.name}/{kind}",
                find_price(PRICES, candidate.name),
            )
    if run.incumbent_error is not None:
        name = incumbent.split(" ", maxsplit=1)[0]
        price = find_price(PRICES, name)
        found["", "incumbent"] = sit(
            workload, MODELS[name], run.records, run.incumbent_error, f"{number}/incumbent", price
        )
    return found


def _recommendation(
    run: RunOf, incumbent: str, policy: PolicyDocument, sat: dict[tuple[str, str], Sat]
) -> Recommendation:
    rival = sat.get(("", "incumbent"))
    teacher_cost = cost_per_1000(PRICES, _teacher(run))
    reference = (
        ReferenceModel("the teacher", teacher_cost)
        if rival is None
        else ReferenceModel(incumbent, rival.scores.cost_per_1000)
    )
    measured = []
    for (name, kind), one in sat.items():
        if kind != "final":
            continue
        mine = one.answered()
        other = mine.teacher() if rival is None else rival.answered()
        found = difference(
            mine,
            other,
            one.scores.metric,
            run.margin,
            SCORING.bootstrap_resamples,
            SCORING.confidence,
            _SEED,
        )
        test = None if rival is None else mcnemar(mine.expected, mine.labels, other.labels)
        measured.append(Measured(name, one.scores, found, test))
    return recommend(measured, reference, policy, teacher_cost, PRICES.currency)


def _teacher(run: RunOf) -> TeacherUsage:
    workload = WORKLOADS[run.workload]
    return TeacherUsage(
        model_name=workload.teacher,
        input_tokens=workload.tokens[0],
        output_tokens=workload.tokens[1],
        seconds=workload.teacher_seconds,
    )


def _report(run: RunOf) -> DatasetReport:
    """Five times as many usable records as the evaluation set has."""
    workload = WORKLOADS[run.workload]
    classes = {}
    for label, size in class_sizes(workload, run.records).items() if workload.classes else ():
        val = round(size * 0.4)
        classes[label] = ClassCounts(usable=5 * size, eval=size, train=4 * size - val, val=val)
    usable = 5 * run.records
    val = sum(c.val for c in classes.values()) if classes else round(run.records * 0.4)
    near, invalid, dropped = run.duplicates // 3, run.records % 7, run.conflicts // 3
    read = usable + run.duplicates + near + invalid + dropped
    conflicts = Conflicts(
        texts=run.conflicts,
        records=run.conflicts * 2,
        kept=run.conflicts - dropped,
        dropped=dropped,
        share=run.conflicts * 2 / read,
    )
    return DatasetReport(
        workload_type=workload.kind,
        read=read,
        invalid=invalid,
        wrong_type=0,
        unlabeled=0,
        duplicates=run.duplicates,
        near_duplicates=near,
        conflicting=run.conflicts,
        conflicts=conflicts,
        usable=usable,
        eval=run.records,
        train=usable - run.records - val,
        val=val,
        classes=classes,
        notes=list(run.notes),
        seed=_SEED,
        teacher=_teacher(run),
    )
