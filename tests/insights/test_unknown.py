"""What does not exist, is not there yet, or is not understood, is answered as such."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from flywheel.insights.reader import answer
from flywheel.views import Answer

Ask = Callable[..., Awaitable[Answer]]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("why did bert lose?", "bert"),
        ("compare svm and bert", "bert"),
        ("how fast is gpt-4o?", "gpt-4o"),
        ("which model is best for chat_routing?", "chat_routing"),
        ("how good is roberta-large", "roberta-large"),
        ("what is running for workload chats", "chats"),
    ],
)
async def test_unknown_names_are_answered_with_what_exists(
    ask: Ask, question: str, name: str
) -> None:
    text = (await ask(question)).text
    assert text.startswith(f"I know no model or workload called “{name}”.")
    assert "tfidf-svm, tfidf-logreg, hashing-sgd" in text
    assert "news_sentiment, news_topics" in text
    assert "0." not in text


async def test_a_near_name_is_offered(ask: Ask) -> None:
    text = (await ask("what is running for workload news_topix_v2")).text
    assert "Did you mean news_topics?" in text


async def test_unknown_runs(ask: Ask) -> None:
    for question in ("which model is best in r-99?", "status of run 99", "compare r-12 and r-99"):
        text = (await ask(question)).text
        assert text == "There is no run r-99.\nThe last one is r-13 (news_topics)."


async def test_unknown_class(ask: Ask) -> None:
    text = (await ask("what is wrong with class mergers?")).text
    assert text.startswith("r-12 (news_topics) has no class called “mergers”.")
    assert "Its classes: Earnings, Stock Movement, Dividend." in text


@pytest.mark.parametrize("question", ["asdf", "", "?!", "42", "how many requests a day"])
async def test_what_is_not_understood_gets_examples(ask: Ask, question: str) -> None:
    reply = await ask(question)
    assert not reply.understood
    assert "• Which model is best for news_topics?" in reply.text
    assert "• Compare tfidf-svm and tfidf-logreg" in reply.text
    assert len(reply.text.splitlines()) <= 12


async def test_every_example_is_understood(ask: Ask) -> None:
    examples = [line[2:] for line in (await ask("asdf")).text.splitlines() if line[0] == "•"]
    assert len(examples) >= 8
    for example in examples:
        reply = await ask(example)
        assert reply.understood, example
        assert not reply.text.startswith(("I know no", "There is no")), example


async def test_with_nothing_at_all(build: Any) -> None:
    nothing = build.facts([])
    for question in ("which model is best", "what would we save", "status", "compare a and b"):
        reply = await answer(question, nothing)
        assert reply.text.startswith("There are no runs yet.\nThe log is empty.")
    assert "flywheel logs import" in (await answer("how many records", nothing)).text
    assert (await answer("who approved it", nothing)).text.startswith("No model is promoted")
    assert not (await answer("hm", nothing)).understood


async def test_with_a_log_but_no_runs(build: Any) -> None:
    facts = build.facts([], workloads=[build.logged()])
    reply = await answer("which model is best?", facts)
    assert reply.text.endswith("Start one: flywheel run news_topics")
    assert "*2,100* records" in (await answer("how many records", facts)).text


async def test_a_workload_without_runs(build: Any) -> None:
    facts = build.facts([build.finished_run()], workloads=[build.logged("chat_routing")])
    reply = await answer("which model is best for chat_routing?", facts)
    assert reply.text.startswith("There are no runs of chat_routing yet.")


async def test_without_prices_no_saving_is_claimed(build: Any) -> None:
    facts = build.facts([build.finished_run(teacher_cost=None)])
    text = (await answer("what would we save with 4 million requests a month?", facts)).text
    assert "costs no price" not in text
    assert "Without both prices no saving can be worked out." in text
    assert "save *" not in text
    assert "998" not in text


async def test_a_dearer_candidate_is_not_called_a_saving(build: Any) -> None:
    dear = build.candidate("tfidf-svm", build.scores(0.9, cost="0.75"))
    facts = build.facts([build.finished_run(candidates=[dear])])
    text = (await answer("what would we save with 2000 requests a day?", facts)).text
    assert "It would cost 0.50 USD more per 1,000 requests." in text
    assert "*1.00 USD* more a day." in text


async def test_amounts_are_exact_decimals(build: Any) -> None:
    cheap = build.candidate("tfidf-svm", build.scores(0.9, cost="0.1"))
    run = build.finished_run(candidates=[cheap], teacher_cost="0.3")
    assert run.teacher.cost_per_1000 - Decimal("0.1") == Decimal("0.2")
    text = (await answer("savings for 123456789 requests", build.facts([run]))).text
    assert "37,037.04 USD for the teacher, 12,345.68 USD for tfidf-svm" in text
    assert "*24,691.36 USD* saved." in text


async def test_failures(build: Any) -> None:
    broken = build.candidate("hashing-sgd", None, error="The training ran out of memory.")
    run = build.finished_run(candidates=[build.candidate("tfidf-svm", build.scores(0.8)), broken])
    failed = build.finished_run(
        "r-14",
        candidates=[],
        recommendation=None,
        status="failed",
        error="The log holds 12 usable records, and 50 are needed.",
    )
    facts = build.facts([failed, run])
    text = (await answer("did anything fail?", facts)).text
    assert "*r-14 (news_topics)* is failed.\nError: The log holds 12 usable" in text
    assert "hashing-sgd failed: The training ran out of memory." in text
    why = (await answer("why did the hashing-sgd fail in r-12?", facts)).text
    assert why == "*hashing-sgd* failed in r-12: The training ran out of memory."
    why = (await answer("why did r-14 fail?", facts)).text
    assert "12 usable records" in why


async def test_the_conversations_run_is_meant_where_no_other_is_named(ask: Ask, build: Any) -> None:
    assert "r-11" in (await ask("which model is best?", "r-11")).text
    assert "r-12" in (await ask("which model is best in r-12?", "r-11")).text
    assert "r-12" in (await ask("which model is best for news_topics?", "r-11")).text


async def test_an_open_approval_is_told(build: Any) -> None:
    facts = build.facts([build.finished_run(approval_id="abc")])
    text = (await answer("who approved it?", facts)).text
    assert "r-12 (news_topics) waits for somebody to approve it." in text


async def test_a_recommended_model_that_is_not_the_best_is_told(build: Any) -> None:
    run = build.finished_run()
    said = run.recommendation.model_copy(update={"model_name": "tfidf-logreg", "reason": "cheap."})
    facts = build.facts([run.model_copy(update={"recommendation": said})])
    text = (await answer("which is best?", facts)).text
    assert "*tfidf-svm* has the highest macro-F1 0.874" in text
    assert "The policy recommends *tfidf-logreg*: cheap." in text


async def test_names_with_slashes_and_versions(build: Any) -> None:
    models = ["meta/llama-3.2-1b-instruct", "meta/llama-3.2-3b-instruct"]
    nims = [build.candidate(m, build.scores(0.8 + i / 10)) for i, m in enumerate(models)]
    facts = build.facts([build.finished_run(candidates=nims, recommendation=None)])
    text = (await answer("compare the 1b and the 3b", facts)).text
    assert f"*{models[0]}*: macro-F1 0.800" in text
    assert f"*{models[1]}*: macro-F1 0.900" in text
    assert f"*{models[1]}*" in (await answer("how fast is llama-3.2-3b-instruct?", facts)).text


async def test_a_very_long_question_is_answered_quickly(ask: Ask) -> None:
    reply = await ask("which model is best " + "and why oh why " * 10_000)
    assert reply.understood


async def test_class_names_of_every_shape(build: Any) -> None:
    labels = ["Macro", "Energy | Oil", "M&A | Investments"]
    scores = build.scores(0.874)
    rows = [
        row.model_copy(update={"label": label})
        for row, label in zip(scores.per_class, labels, strict=True)
    ]
    confusion = scores.confusion.model_copy(update={"labels": labels})
    scores = scores.model_copy(update={"per_class": rows, "confusion": confusion})
    run = build.finished_run(candidates=[build.candidate("tfidf-svm", scores)], dataset_report=None)
    facts = build.facts([run])
    for question, label in [
        ("what is wrong with macro?", "Macro"),
        ("why is oil bad", "Energy | Oil"),
        ("recall of energy | oil", "Energy | Oil"),
        ("class m&a", "M&A | Investments"),
    ]:
        assert f"Class *{label}* in r-12" in (await answer(question, facts)).text
    assert "macro-F1 0.874" in (await answer("macro f1 of the svm", facts)).text
