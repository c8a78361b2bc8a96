"""Asking a served model: as logged, side by side, again where a failure may pass."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from flywheel.errors import UnavailableError
from tests.support.openai_server import MODEL, drop, prompt_tokens, question_of, stall, status
from tests.support.served import KEY, Bench, lines_of, requests_of, write


async def test_requests_are_asked_as_they_were_logged(bench: Bench) -> None:
    bench.server.before = asyncio.Barrier(3).wait
    rows, artifact, said = await bench.ask(max_concurrent_requests=3)
    assert [row.row for row in rows] == list(range(15))
    assert {row.answer for row in rows} == {"[[[Earnings]]]"}
    assert (artifact, said) == (None, "")
    server = bench.server
    assert server.refused == []
    assert server.most_at_once == 3
    body = next(b for b in server.bodies if question_of(b["messages"]).endswith(" 0"))
    logged = requests_of(bench)[0]
    assert body == {
        "model": MODEL,
        "messages": logged["messages"],
        "temperature": 0.0,
        "max_tokens": 32,
    }
    assert all(0 < row.seconds < 5 for row in rows)
    assert rows[0].input_tokens == prompt_tokens(body), "as the server counts"


async def test_tokens_are_estimated_where_the_server_does_not_count(bench: Bench) -> None:
    counted, _, _ = await bench.ask()
    bench.server.usage = False
    estimated, _, _ = await bench.ask()
    assert all(e.input_tokens >= c.input_tokens for e, c in zip(estimated, counted, strict=True))
    assert all(e.output_tokens > 0 for e in estimated)


async def test_what_may_pass_is_asked_again(bench: Bench) -> None:
    questions = [question_of(r["messages"]) for r in requests_of(bench)]
    bench.server.faults = {
        questions[0]: [status(429, **{"Retry-After": "0"}), status(500)],
        questions[1]: [drop, stall],
        questions[2]: [status(503), status(408)],
    }
    rows, _, said = await bench.ask(timeout_seconds=2)
    assert {row.answer for row in rows} == {"[[[Earnings]]]"}
    assert said == ""
    assert [bench.server.asked[q] for q in questions[:4]] == [3, 3, 3, 1]
    assert all(row.seconds < 2 for row in rows), "waiting and earlier attempts do not count"


async def test_a_few_failures_count_as_wrong_answers_and_are_said(bench: Bench) -> None:
    write(bench.datasets.eval, lines_of(bench.datasets.eval) * 2)  # of 30 one may fail
    question = question_of(requests_of(bench)[0]["messages"])
    long = f"the prompt is too long, {KEY} or not"
    bench.server.faults[question] = [status(400, long)]
    rows, _, said = await bench.ask(max_concurrent_requests=1)
    assert [row.row for row in rows if row.answer == ""] == [0]
    assert said == (
        "1 failed and count as wrong (it answered 400: the prompt is too long, sk-hunter2 or not)"
    )
    assert bench.told[-1].startswith("answered 30 of 30, 1 failed")
    assert bench.server.asked[question] == 2, "asked once in vain, and again for its copy"


async def test_a_server_may_not_give_the_key_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLYWHEEL_SERVED_API_KEY", KEY)
    bench.server.key = KEY
    bench.server.every = status(400, f"cannot read Bearer {KEY}")
    with pytest.raises(UnavailableError, match="cannot read Bearer …") as caught:
        await bench.ask()
    assert "hunter" not in str(caught.value) + "".join(bench.told)


@pytest.mark.parametrize(
    ("fault", "seconds", "sentence"),
    [
        (status(500, "out of memory"), 5, "because it answered 500: out of memory"),
        (status(400, "no template"), 5, "because it answered 400: no template"),
        (stall, 0.1, "because no answer within 0.1 s"),
        (drop, 5, "because the connection failed"),
    ],
)
async def test_too_many_failures_fail_the_job_soon(
    bench: Bench, fault: Callable[[Any], Any], seconds: float, sentence: str
) -> None:
    bench.server.every = fault
    with pytest.raises(UnavailableError, match=sentence):
        await bench.ask(timeout_seconds=seconds, max_concurrent_requests=1)
    assert bench.server.asked.total() <= 3, "one request is enough to know"


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (
            {},
            "neighbour at .* refuses requests to neighbour-1 [(]401[)]",
            "FLYWHEEL_SERVED_API_KEY",
        ),
        ({"model_name": "gone"}, "[(]404: The model `gone` does not exist", "model_name of 'neigh"),
        ({"url": "http://127.0.0.1:9/v1"}, "127.0.0.1:9/v1/chat/completions cannot be", "running"),
    ],
)
async def test_an_endpoint_that_refuses_everything_is_one_sentence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], message: str, hint: str
) -> None:
    monkeypatch.setenv("FLYWHEEL_SERVED_API_KEY", KEY)
    bench.server.key = KEY if wrong else "another-hunter3"
    with pytest.raises(UnavailableError, match=message) as caught:
        await bench.ask(**wrong)
    assert hint in caught.value.hint
    assert "hunter" not in str(caught.value)
    assert bench.server.asked.total() == 0


async def test_an_answer_that_no_database_holds_is_cleaned(bench: Bench) -> None:
    bench.server.constant = "a\0b\ud83d"
    rows, _, _ = await bench.ask()
    assert rows[0].answer == "a\N{REPLACEMENT CHARACTER}b?"
