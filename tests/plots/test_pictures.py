"""What each picture says, and when it is left out."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from flywheel.plots.classes import draw_classes
from flywheel.plots.confusion import draw_confusion
from flywheel.plots.cost import draw_cost
from flywheel.plots.picture import LeftOut, Picture, PictureName
from flywheel.plots.scores import draw_scores
from flywheel.plots.style import drawing
from flywheel.views import IncumbentView, RunView, TeacherView
from tests.bot.strategies import candidate, run_view, scores_of
from tests.plots.samples import (
    INCUMBENT,
    against_incumbent,
    picture,
    scored,
    scores,
    texts,
    with_difference,
)

Drawn = dict[PictureName, Picture]


def left_out(draw_one: Callable[[RunView], object], view: RunView) -> str:
    with drawing():
        found = draw_one(view)
    assert isinstance(found, LeftOut)
    return found.reason


def test_scores_before_and_after_with_their_intervals(drawn: Drawn) -> None:
    said = texts(drawn["scores"])
    for words in (
        *("tfidf-svm", "0.300 → 0.900 (0.870–0.930)", "hashing-sgd"),
        *("0.233 → 0.700 (0.670–0.730)", "before", "after"),
        "r-12 · news_classifier · 400 held-out records · 95 % intervals",
    ):
        assert words in said
    assert said.index("tfidf-svm") < said.index("hashing-sgd")  # best first
    assert drawn["scores"].alt == (
        "Macro-F1 of 2 candidates of r-12 before and after fine-tuning: "
        "tfidf-svm 0.300 before and 0.900 (95 % 0.870–0.930, n 400), "
        "hashing-sgd 0.233 before and 0.700 (95 % 0.670–0.730, n 400)."
    )


def test_the_score_of_the_policy_is_the_one_that_is_drawn() -> None:
    better = scores_of(0.8).model_copy(update={"accuracy": scores_of(0.95).accuracy})
    view = with_difference(run_view(candidates=(scored("svm", of=better),)), "accuracy", 0.1)
    one = picture(draw_scores, view)
    assert one.title == "Accuracy before and after fine-tuning"
    assert "0.300 → 0.950 (0.920–0.980)" in texts(one)
    assert "the policy's limit, 0.900" in texts(one)


def test_candidates_without_a_score_are_named() -> None:
    view = run_view(candidates=(scored("good"), candidate("broken", None, "out of memory")))
    said = texts(picture(draw_scores, view))
    assert "no score" in said
    assert "broken" in said


def test_the_incumbent_stands_beside_the_candidates() -> None:
    one = picture(draw_scores, against_incumbent(("Earnings", 0.1, "same")))
    assert {INCUMBENT, "the incumbent", "incumbent", "0.800 (0.770–0.830)"} <= {
        text.strip() for text in texts(one)
    }
    assert not [text for text in texts(one) if "limit" in text]  # it is not one of this score
    assert f"The incumbent, {INCUMBENT}, has 0.800 (95 % 0.770–0.830, n 400)." in one.alt


def test_of_many_candidates_the_first_are_drawn_and_the_others_counted() -> None:
    view = run_view(candidates=tuple(scored(f"c-{i}") for i in range(25)))
    one = picture(draw_scores, view)
    assert len([text for text in texts(one) if text.startswith("c-")]) == 10
    assert "Left out: 15 more; `flywheel show r-12` lists all." in texts(one)
    assert one.alt.endswith("and 20 more.")


def test_costs_with_the_front(drawn: Drawn) -> None:
    said = texts(drawn["cost"])
    for words in ("0.900 · 0.004 USD", "0.700 · 0.001 USD", "the reference · 0.724 USD"):
        assert words in said
    assert {"1", "2", "T", "USD per 1,000 requests"} <= set(said)
    assert drawn["cost"].alt == (
        "Macro-F1 against cost per 1,000 requests in r-12: tfidf-svm 0.900 at 0.004 USD, "
        "hashing-sgd 0.700 at 0.001 USD; the teacher (big-model) at 0.724 USD. On the Pareto "
        "front, none is cheaper and as good, or better and as cheap: hashing-sgd, tfidf-svm."
    )


def test_a_candidate_that_is_beaten_is_not_on_the_front() -> None:
    candidates = scored("good", 0.9, cost="0.001"), scored("beaten", 0.8, cost="0.002")
    assert picture(draw_cost, run_view(candidates=candidates)).alt.endswith("as cheap: good.")


@pytest.mark.parametrize("costs", [("0", "0"), ("0", "3"), ("0.00000001", "90000"), ("5", None)])
def test_any_costs(costs: tuple[str, str | None]) -> None:
    view = run_view(candidates=tuple(scored(f"c-{i}", cost=c) for i, c in enumerate(costs)))
    one = picture(draw_cost, view)
    assert ("Without a price: c-1." in " ".join(texts(one))) == (costs[1] is None)


def test_without_prices_there_are_no_costs() -> None:
    view = run_view(candidates=(scored("svm", cost=None),))
    assert "No candidate of r-12 has a price" in left_out(draw_cost, view)
    teacher = TeacherView(
        model_name="big", input_tokens=None, output_tokens=None, seconds=None, cost_per_1000=None
    )
    one = picture(draw_cost, run_view(candidates=(scored("svm"),), teacher=teacher))
    assert "The teacher has no price." in " ".join(texts(one))
    assert "T" not in texts(one)


def test_the_incumbent_has_a_place_among_the_costs() -> None:
    compared = IncumbentView(name=INCUMBENT, scores=scores_of(0.8, Decimal("0.01")))
    one = picture(draw_cost, run_view(candidates=(scored("svm"),), compared=compared))
    assert "0.800 · 0.01 USD" in texts(one)
    assert f"; the incumbent 0.800 ({INCUMBENT}) at 0.01 USD" in one.alt


def test_confusion_in_percent_of_each_row(drawn: Drawn) -> None:
    said = texts(drawn["confusion"])
    # Dividend 50 of 100 right, Merger 30 of 60, Earnings 95 of 100: lowest recall first.
    assert said.index("Dividend") < said.index("Merger") < said.index("Earnings")
    assert sorted(text for text in said if text in {"50", "95", "5"}) == ["5", *["50"] * 4, "95"]
    assert drawn["confusion"].alt == (
        "Confusion matrix of tfidf-svm in r-12, 3 classes, each row in percent. Lowest shares of "
        "right answers: Dividend 50 % (n 100), most often answered as Merger (50 %), Merger 50 % "
        "(n 60), most often answered as Earnings (50 %), Earnings 95 % (n 100), most often "
        "answered as Dividend (5 %)."
    )


def test_small_shares_are_not_nothing_and_large_ones_not_all() -> None:
    found = scores(0.9, ["A", "B"], [999, 1000], [1000, 1000])
    said = texts(picture(draw_confusion, run_view(candidates=(scored("svm", of=found),))))
    assert {">99", "<1", "100"} <= set(said)


def test_answers_that_are_no_class_have_columns_of_their_own() -> None:
    found = scores(more=["(another label)", "(no label)"])
    one = picture(draw_confusion, run_view(candidates=(scored("svm", of=found),)))
    assert {"?", "–"} <= set(texts(one))
    assert "? a label that is no class here. – no readable label." in " ".join(texts(one))


@pytest.fixture(scope="module")
def of_many_classes() -> RunView:
    """200 classes, of which the first ones are answered worst."""
    names = [f"class {i}" for i in range(200)]
    found = scores(0.9, names, list(range(200)), [200] * 200)
    return run_view(candidates=(scored("svm", of=found),))


def test_of_many_classes_the_worst_rows_are_drawn(of_many_classes: RunView) -> None:
    one = picture(draw_confusion, of_many_classes)
    rows = [text for text in texts(one) if text.startswith("class ")]
    assert rows[0] == "class and its records" or "class 0" in rows
    assert len([row for row in rows if row != "class and its records"]) == 20
    assert "Not shown: 180 more classes." in " ".join(texts(one))
    assert "in r-12, 200 classes" in one.alt


def test_without_counts_there_is_no_confusion() -> None:
    assert "not counted by class" in left_out(draw_confusion, run_view())


def test_recall_minus_the_teachers(drawn: Drawn) -> None:
    said = texts(drawn["classes"])
    assert drawn["classes"].title == "Recall by class: tfidf-svm minus the teacher"
    assert [text for text in said if text in {"Dividend", "Merger", "Earnings"}] == [
        *("Dividend", "Merger", "Earnings"),
    ]
    assert said.count("-0.50") >= 2
    assert "-0.05" in said
    assert "95 % intervals (Wilson)" in " ".join(said)
    assert "Lowest of 3: Dividend -0.50 (-0.53 to -0.47, n 100)" in drawn["classes"].alt


def test_older_runs_have_the_interval_of_wilson_as_well() -> None:
    found = scores(0.9, ["A"], [15], [20])
    (row,) = found.per_class
    old = found.model_copy(update={"per_class": [row.model_copy(update={"recall_interval": None})]})
    one = picture(draw_classes, run_view(candidates=(scored("svm", of=old),)))
    assert "A -0.25 (-0.47 to -0.11, n 20)" in one.alt  # Wilson: 0.531 to 0.888


def test_recall_minus_the_incumbents() -> None:
    shifts = ("Merger", 0.4, "improved"), ("Earnings", -0.3, "worse"), ("Dividend", 0.0, "same")
    one = picture(draw_classes, against_incumbent(*shifts))
    said = texts(one)
    order = [text for text in said if text in {"Dividend", "Merger", "Earnings"}]
    assert order == ["Earnings", "Dividend", "Merger"]
    assert {"worse", "no change shown", "better", "+0.40", "-0.30"} <= set(said)
    assert "paired 95 % intervals, corrected for 3 classes" in " ".join(said)
    assert f"minus that of {INCUMBENT}" in one.alt


def test_of_many_classes_the_worst_differences_are_drawn(of_many_classes: RunView) -> None:
    one = picture(draw_classes, of_many_classes)
    assert len([text for text in texts(one) if text.startswith("class ")]) == 20
    assert "Not shown: 180 classes with differences from -0.90 on." in " ".join(texts(one))
    assert "highest: class 199 -0.01 (n 200)." in one.alt


def test_without_a_comparison_there_are_no_differences() -> None:
    assert "has no scores by class" in left_out(draw_classes, run_view())
    view = against_incumbent(("A", 0.1, "same"))
    assert view.recommendation is not None
    view.recommendation.regressions = []
    assert "was not compared with" in left_out(draw_classes, view)


@pytest.mark.parametrize("draw_one", [draw_scores, draw_cost, draw_confusion, draw_classes])
def test_nothing_scored_nothing_drawn(draw_one: Callable[[RunView], object]) -> None:
    view = run_view("running", candidates=(candidate("svm", None),))
    assert left_out(draw_one, view) == "No candidate of r-12 has scores; the run is running."
