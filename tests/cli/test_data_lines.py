"""What `flywheel show` says of the data, and of McNemar's test."""

from flywheel.cli.data_lines import accuracy_lines, data_lines
from flywheel.clock import from_epoch
from flywheel.datasets.report import Baseline, Conflicts, FrozenUse, Groups, Repeats
from flywheel.decisions.verdict import CandidateVerdict, Recommendation
from flywheel.evaluation.intervals import wilson
from flywheel.evaluation.paired import McNemar
from flywheel.views import IncumbentView, RunView
from tests.bot.strategies import run_view

WHEN = from_epoch(1_760_000_000)


def lines_of(view: RunView, **report: object) -> list[str]:
    assert view.dataset_report is not None
    changed = view.dataset_report.model_copy(update=report)
    return list(data_lines(view.model_copy(update={"dataset_report": changed})))


def test_nothing_is_said_of_what_an_older_run_did_not_look_for() -> None:
    lines = lines_of(run_view())
    assert len(lines) == 1
    assert lines[0].startswith("Records: ")


def test_everything_that_there_is_to_say() -> None:
    view = run_view()
    report = view.dataset_report
    assert report is not None
    lines = lines_of(
        view,
        groups=Groups(threshold=0.8, groups=3, records=7, largest=3, set_aside=2),
        conflicts=Conflicts(
            texts=3, records=8, kept=1, dropped=5, share=0.004, listed_in="/runs/x/conflicts.jsonl"
        ),
        repeats=Repeats(
            texts=100, alike=97, records=250, majority=247, agreement=wilson(97, 100, 0.95)
        ),
        baseline=Baseline(label="Legal", accuracy=0.25, macro_f1=0.02),
        evaluated_since=WHEN,
        frozen_out=41,
        frozen=FrozenUse(digest="ab" * 32, run_id="r-1", frozen_at=WHEN, frozen_by="ann"),
        notes=["A note."],
    )
    text = "\n".join(lines)
    assert "5 with contradicting labels" in lines[0]
    assert "2 set aside + 41 frozen" in lines[0]
    assert f"evaluated on {report.eval} frozen ones" in lines[0]
    assert "that of r-1, frozen by ann (sha256 abababababab…)" in text
    assert "the newest records, from 2025-10-09 08:53 UTC on" in text
    assert "7 records nearly repeat each other, in 3 groups (similarity 0.8 or more)" in text
    assert "alike on 97 % of 100 texts (95 % 91.5 % to 99 %)" in text
    assert "more than 98.8 % of those records" in text
    assert "3 texts (8 records, 0.4 %) have several labels: 1 are kept" in text
    assert "/runs/x/conflicts.jsonl" in text
    assert "Always 'Legal' would score macro-F1 0.020, accuracy 0.250." in text
    assert lines[-1] == "Note: A note."


def test_mcnemars_test_is_shown_where_there_is_an_incumbent() -> None:
    verdict = CandidateVerdict(
        model_name="tfidf-svm",
        verdict="keep",
        reason="",
        mcnemar=McNemar(
            only_candidate_right=31, only_reference_right=20, p_value=0.16, method="McNemar"
        ),
    )
    said = Recommendation(verdict="keep", model_name="tfidf-svm", reason="", candidates=[verdict])
    compared = IncumbentView(name="hashing-sgd (r-2)")
    view = run_view().model_copy(update={"recommendation": said, "compared": compared})
    assert list(accuracy_lines(view)) == [
        (
            "Right where the other is wrong: tfidf-svm on 31 records, hashing-sgd (r-2) on 20 "
            "(McNemar: p 0.160)."
        )
    ]
    assert list(accuracy_lines(view.model_copy(update={"compared": None}))) == []
