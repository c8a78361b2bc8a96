"""The common questions, with the numbers of the run and no others."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from flywheel.clock import utc_now
from flywheel.evaluation.paired import Difference
from flywheel.insights.reader import answer
from flywheel.views import Answer
from tests.insights.conftest import Build

Ask = Callable[..., Awaitable[Answer]]

SVM = "macro-F1 0.874 (95 % 0.844–0.904, n 400)"
LOGREG = "macro-F1 0.861 (95 % 0.831–0.891, n 400)"
SGD = "macro-F1 0.702 (95 % 0.672–0.732, n 400)"
TELL = "the intervals overlap, so this run cannot tell them apart"


@pytest.mark.parametrize(
    "question",
    [
        "Which model is best?",
        "<@U042> which model is best in r-12?",
        "@flywheel wich modl is BSET for news topics",
        "what is the top model of run 12",
        "who won?",
    ],
)
async def test_best(ask: Ask, question: str) -> None:
    answer = await ask(question)
    lines = answer.text.splitlines()
    assert lines[0] == f"In r-12 (news_topics) *tfidf-svm* has the highest {SVM}."
    assert lines[1] == f"Next is tfidf-logreg with {LOGREG}; {TELL}."
    assert lines[2].startswith("Verdict *promote*: tfidf-svm reaches the required 0.750;")
    assert answer.sources == ["flywheel show r-12"]
    assert answer.understood


async def test_best_of_another_workload(ask: Ask) -> None:
    for question in ("which is best for news_sentiment", "best model for sentiment?"):
        answer = await ask(question)
        assert answer.text.startswith("In r-11 (news_sentiment) *hashing-sgd* has the highest")
        assert "0.655 (95 % 0.625–0.685, n 400)" in answer.text


async def test_best_of_a_run_that_is_not_done_says_so(ask: Ask) -> None:
    by_words = await ask("which model is best in the last run?")
    by_thread = await ask("which model is best?", "r-13")
    assert by_words == by_thread
    assert by_words.text.startswith("r-13 (news_topics) is running and has no scores yet.")
    assert "The last run with scores is r-12 (news_topics)." in by_words.text


async def test_how_good_a_model_is(ask: Ask) -> None:
    for question in ("how good is hashing sgd?", "and sgd?", "macro f1 of the hashing model"):
        text = (await ask(question)).text
        assert text.splitlines() == [
            f"*hashing-sgd* in r-12 (news_topics): {SGD}",
            (
                "   weighted F1 0.713 (95 % 0.683–0.743, n 400), "
                "accuracy 0.750 (95 % 0.720–0.780, n 400)"
            ),
            "Verdict *keep*: hashing-sgd is below the required 0.750.",
        ]


async def test_compare_models_that_cannot_be_told_apart(ask: Ask) -> None:
    for question in ("compare the svm and logistic regression", "svm vs logreg", "svm or logreg?"):
        text = (await ask(question)).text
        assert f"*tfidf-svm*: {SVM}\n   0.4 ms per request, 0.0004 USD per 1,000 requests" in text
        assert f"*tfidf-logreg*: {LOGREG}\n   0.5 ms per request, 0.0005 USD" in text
        assert text.endswith(f"tfidf-svm and tfidf-logreg: {TELL}.")


async def test_compare_models_that_differ(ask: Ask) -> None:
    text = (await ask("how does hashing compare with the best?")).text
    assert "tfidf-svm is ahead of hashing-sgd: the intervals do not overlap." in text
    assert "apart" not in text


async def test_a_part_of_a_name_stands_for_all_that_have_it(ask: Ask) -> None:
    text = (await ask("compare tfidf with hashing")).text
    assert [name for name in ("tfidf-svm", "tfidf-logreg", "hashing-sgd") if f"*{name}*" in text]
    assert text.count("\n   ") == 3


async def test_compare_with_teacher_baseline_and_incumbent(ask: Ask) -> None:
    teacher = (await ask("is the svm better than the teacher?")).text
    assert "(teacher)*: the reference\n   1.2 s per request, 0.25 USD per 1,000" in teacher
    baseline = (await ask("compare svm and the baseline")).text
    assert "*baseline (most frequent label)*: macro-F1 0.251 (95 % 0.221–0.281, n 400)" in baseline
    incumbent = await ask("compare the svm with the incumbent")
    assert "*tfidf-svm (promoted, r-9)*: macro-F1 0.832 (95 % 0.802–0.862, n 400)" in incumbent.text
    assert "They come from different runs" in incumbent.text
    assert incumbent.sources == ["flywheel show r-12", "flywheel show r-9"]


async def test_compare_runs(ask: Ask) -> None:
    answer = await ask("compare r-11 with r-12")
    assert "*r-12 (news_topics)*: tfidf-svm is best, " + SVM in answer.text
    assert "*r-11 (news_sentiment)*: hashing-sgd is best" in answer.text
    assert "not scored on the same evaluation records" in answer.text
    assert answer.sources == ["flywheel show r-11", "flywheel show r-12"]
    same = await ask("compare r-9 with r-12")
    assert "Both were scored on the same evaluation records." in same.text


async def test_best_and_what_it_saves_in_one_question(ask: Ask) -> None:
    both = await ask("which model is best and how much cheaper is it?")
    best, saving = await ask("which model is best?"), await ask("what would we save?")
    assert both.text == f"{best.text}\n{saving.text}"
    assert both.sources == ["flywheel show r-12"]


async def test_saving(ask: Ask) -> None:
    for question in ("how much cheaper is the svm?", "what would we save per 1,000 requests?"):
        assert (await ask(question)).text.splitlines() == [
            "In r-12 (news_topics) *tfidf-svm* costs 0.0004 USD per 1,000 requests.",
            "The teacher meta/llama-3.3-70b-instruct costs 0.25 USD per 1,000 requests.",
            "It would save *0.25 USD* per 1,000 requests, 99.8 % of the teacher's cost.",
        ]


@pytest.mark.parametrize(
    ("question", "line"),
    [
        (
            "what would we save with 4 million requests a month?",
            (
                "For 4,000,000 requests a month: 1,000.00 USD for the teacher, "
                "1.60 USD for tfidf-svm; "
                "*998.40 USD* saved a month."
            ),
        ),
        (
            "savings at 1,500,000 calls per year",
            (
                "For 1,500,000 requests a year: 375.00 USD for the teacher, "
                "0.60 USD for tfidf-svm; "
                "*374.40 USD* saved a year."
            ),
        ),
        (
            "what does 2.5m a day cost with hashing-sgd",
            (
                "For 2,500,000 requests a day: 625.00 USD for the teacher, "
                "0.50 USD for hashing-sgd; "
                "*624.50 USD* saved a day."
            ),
        ),
        (
            "how much cheaper would 10k requests be in r-12",
            (
                "For 10,000 requests: 2.50 USD for the teacher, 0.004 USD for tfidf-svm; "
                "*2.50 USD* saved."
            ),
        ),
    ],
)
async def test_saving_for_an_amount(ask: Ask, question: str, line: str) -> None:
    assert line in (await ask(question)).text.splitlines()


async def test_saving_with_a_model_that_does_not_pass_says_so(ask: Ask) -> None:
    text = (await ask("how much would hashing-sgd save?")).text
    assert "But its verdict is *keep*: hashing-sgd is below the required 0.750." in text


async def test_cheapest_and_fastest(ask: Ask) -> None:
    cheapest = (await ask("which model is cheapest?")).text.splitlines()
    assert [line.split("*")[1] for line in cheapest[1:]] == [
        "hashing-sgd",
        "tfidf-svm",
        "tfidf-logreg",
        "meta/llama-3.3-70b-instruct (teacher)",
    ]
    fastest = (await ask("which is the fastest one")).text.splitlines()
    assert fastest[1:] == [
        "*hashing-sgd*: 0.2 ms (n 400)",
        "*tfidf-svm*: 0.4 ms (n 400)",
        "*tfidf-logreg*: 0.5 ms (n 400)",
        "*meta/llama-3.3-70b-instruct (teacher)*: 1.2 s, as logged in production",
    ]


async def test_how_fast_one_is(ask: Ask) -> None:
    text = (await ask("how fast is the svm?")).text
    assert "*tfidf-svm*: 0.4 ms (n 400)" in text
    assert "hashing" not in text


async def test_why_a_model_lost(ask: Ask) -> None:
    for question in ("why did hashing-sgd lose?", "Why is the hashing one not promoted"):
        lines = (await ask(question)).text.splitlines()
        assert lines[0] == "Verdict *keep*: hashing-sgd is below the required 0.750."
        assert lines[1].startswith(f"Highest is tfidf-svm with {SVM}.")
        assert lines[3] == (
            "• Dividend: F1 0.416 (precision 0.432, recall 0.400, n 40), "
            "most often taken for Earnings (21 of 40)"
        )


async def test_a_class(ask: Ask) -> None:
    for question in (
        "what is wrong with class dividend?",
        "whats wrong with Dividends",
        "dividend?",
    ):
        assert (await ask(question)).text.splitlines() == [
            "Class *Dividend* in r-12 (news_topics), answered by tfidf-svm:",
            "F1 0.773 (precision 0.829, recall 0.725, n 40)",
            "Its records were wrongly answered as: Earnings (9), Stock Movement (2).",
            "Wrongly answered as Dividend: records of Earnings (4), Stock Movement (2).",
            (
                "Of its 200 usable records 144 were for training, 16 for validation, "
                "40 for evaluation."
            ),
        ]
    other = (await ask("recall of stock movements with hashing-sgd")).text
    assert "answered by hashing-sgd" in other
    assert "recall 0.700, n 120" in other


async def test_weakest_classes(ask: Ask) -> None:
    lines = (await ask("which classes does the svm confuse most?")).text.splitlines()
    assert lines[0] == "The weakest classes of *tfidf-svm* in r-12 (news_topics):"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "• Dividend",
        "• Stock Movement",
        "• Earnings",
    ]


async def test_data(ask: Ask) -> None:
    for question in ("how many records does news_topics have?", "which data was used in r-12"):
        text = (await ask(question)).text
        assert "The log holds *2,100* records of news_topics (clients: news-app)" in text
        assert "left out 3 invalid, 5 without a label, 60 duplicates, 32 near-duplicates." in text
        assert "*2,000* were usable: 400 for evaluation, 1,440 for training, 160 for valid" in text
        assert "They are of 3 classes." in text
        assert "Most frequent: Earnings (1,200); rarest: Dividend (200)." in text


async def test_workloads(ask: Ask) -> None:
    answer = await ask("what workloads are there?")
    assert "*900* records of news_sentiment" in answer.text
    assert "*2,100* records of news_topics" in answer.text
    assert answer.sources == ["flywheel logs workloads"]


async def test_teacher(ask: Ask) -> None:
    text = (await ask("how many tokens does the teacher use?")).text
    assert "One request, on average: 310 tokens in and 9 out, 1.2 s per request." in text


async def test_what_is_running(ask: Ask) -> None:
    for question in ("what is running?", "status", "how long will it take", "whats happening"):
        answer = await ask(question)
        assert answer.text.startswith("*r-13 (news_topics)* is running, started 2026-11-20 09:00")
        assert "1 of 4 steps are done; now: customize tfidf-svm (40 %)." in answer.text
        assert ("is not known" in answer.text) == ("will" in question)


async def test_when_what_is_running_should_end(build: type[Build]) -> None:
    soon = utc_now() + timedelta(minutes=23, seconds=5)
    run = build.running_run().model_copy(update={"expected_end": soon})
    text = (await answer("how long will it take", build.facts([run], [], []))).text
    assert "It should end in about 23 min (" in text
    assert "not known" not in text


async def test_how_long_a_run_took(ask: Ask) -> None:
    assert (await ask("how long did r-12 take?")).text == (
        "*r-12 (news_topics)* completed at 2026-11-20 08:03 UTC after 3 min 5 s. Asked for by U1."
    )


async def test_promotions(ask: Ask) -> None:
    for question in ("which model is promoted and who approved it?", "what serves news topics"):
        answer = await ask(question)
        assert answer.text.splitlines() == [
            "*tfidf-svm* of r-9 serves news_topics: approved by U77 on 2026-11-21 08:00 UTC.",
            "It scored macro-F1 0.832 (95 % 0.802–0.862, n 400).",
            "Reason given: “good enough on Dividend”",
            "It replaced meta/llama-3.3-70b-instruct.",
        ]
        assert answer.sources == ["flywheel incumbents", "flywheel show r-9"]
    none = await ask("what is promoted for news_sentiment")
    assert none.text == "No model is promoted for news_sentiment; the teacher serves."


async def test_whether_to_promote(ask: Ask) -> None:
    text = (await ask("should we promote hashing?")).text
    assert text.startswith("Verdict *keep*: hashing-sgd is below the required 0.750.")
    assert "People decide" in text
    text = (await ask("can we replace the teacher now?")).text
    assert text.startswith("r-12 (news_topics), verdict *promote*: tfidf-svm reaches")


async def test_runs(ask: Ask) -> None:
    assert (await ask("list the runs")).text.splitlines() == [
        "*r-13 (news_topics)*: running",
        "*r-12 (news_topics)*: completed, promote (tfidf-svm)",
        "*r-11 (news_sentiment)*: completed",
    ]


# macro-F1 and the requirement; weighted F1; accuracy (369 and 300 of 400); money; time and
# tokens; classes of the SVM; classes of the hashing model; supports and confusions; data; steps.
NUMBERS = """
0.874 0.844 0.904 0.861 0.831 0.891 0.702 0.672 0.732 0.832 0.802 0.862 0.251 0.221 0.281
0.655 0.625 0.685 0.610 0.580 0.640 95 400 0.750
0.885 0.855 0.915 0.872 0.842 0.902 0.713 0.683 0.743
0.922 0.892 0.953 0.720 0.780
0.25 0.0004 0.0005 0.0002 1,000 99.8 4,000,000 1,000.00 1.60 998.40
0.2 0.4 0.5 1.2 310 9
0.773 0.829 0.725 0.924 0.932 0.917 0.945 0.931 0.958
0.416 0.432 0.400 0.724 0.700 0.815 0.797 0.833
40 120 240 9 8 6 21 30 25 2 4
2,100 900 3 5 60 32 2,000 1,440 160 1,200 200 144 16
1 40 2
"""

QUESTIONS = [
    "which model is best?",
    "how good is svm?",
    "compare svm and hashing",
    "compare svm, logreg and the baseline",
    "compare the svm with the incumbent",
    "compare r-11 and r-12",
    "what would we save with 4 million requests a month",
    "cheapest?",
    "why did hashing-sgd lose",
    "why the svm",
    "weakest classes",
    "what is wrong with class dividend",
    "how many records",
    "who approved",
    "how fast are they",
    "tell me about r-12",
    "tokens of the teacher",
    "status of r-12",
    "help",
]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_every_number_is_one_of_the_facts(ask: Ask, question: str) -> None:
    text = (await ask(question)).text
    names = (
        r"r-\d+|U\d+|macro-F1|weighted F1|F1|llama-[\w.-]+|\d{4}-\d\d-\d\d \d\d:\d\d|\d min \d s"
    )
    shown = set(re.findall(r"\d[\d,.]*(?<![.,])", re.sub(names, " ", text)))
    assert shown - set(NUMBERS.split()) == set()


@pytest.mark.parametrize("question", QUESTIONS)
async def test_answers_are_short_and_plain(ask: Ask, question: str) -> None:
    answer = await ask(question)
    assert answer.understood
    assert len(answer.text.splitlines()) <= 12
    assert not re.search(r"[`_~<>#]|\*\*", answer.text.replace("news_", ""))
    assert answer.text.count("*") % 2 == 0


async def test_what_newer_runs_measure_is_told(build: type[Build]) -> None:
    measured = build.scores(0.874)
    rows = [
        row.model_copy(update={"recall_interval": build.interval(row.recall, 0.1)})
        for row in measured.per_class
    ]
    scores = measured.model_copy(
        update={
            "balanced_accuracy": 0.8651,
            "seconds_p95": 0.0031,
            "absent_classes": ["Bonds", "Gold"],
            "per_class": rows,
        }
    )
    facts = build.facts([build.finished_run(candidates=[build.candidate("tfidf-svm", scores)])])
    told = {
        "how fast is tfidf-svm?": "0.4 ms (95 % within 3.1 ms, n 400)",
        "how good is tfidf-svm?": ", balanced accuracy 0.865",
        "how good is the class dividend?": "interval: 0.725 (95 % 0.625–0.825, n 40).",
        "which classes are weakest?": "Without evaluation records, so not judged: Bonds, Gold.",
    }
    for question, words in told.items():
        assert words in (await answer(question, facts)).text


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.002, 0.024, "but on the same records the difference is significant"),
        (-0.004, 0.03, "on the same records the difference is not significant, so this run cannot"),
    ],
)
async def test_where_intervals_overlap_the_paired_test_decides(
    facts: Any, low: float, high: float, says: str
) -> None:
    facts.differences["r-12", "tfidf-svm", "tfidf-logreg"] = Difference(
        metric="macro_f1",
        value=0.013,
        low=low,
        high=high,
        confidence=0.95,
        margin=0.0,
        p_value=0.1,
        n=400,
        method="paired bootstrap",
    )
    best = await answer("which model is best for news_topics?", facts)
    side_by_side = await answer("compare tfidf-svm and tfidf-logreg", facts)
    assert says in best.text
    assert says in side_by_side.text
    elsewhere = await answer("compare tfidf-logreg and hashing-sgd", facts)
    assert "the intervals do not overlap" in elsewhere.text
