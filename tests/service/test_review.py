"""People as judges: who is asked what, what is kept, what becomes of the scores."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlmodel import col, select

from flywheel.db.models import Evaluation, Review, Run
from flywheel.errors import ConflictError, DataError, InvalidInputError, NotFoundError
from flywheel.ports.backends import Backends
from flywheel.service import review, runs
from flywheel.service.review import Choice, JudgedError
from flywheel.service.review_material import Question
from flywheel.settings import Settings
from flywheel.views import Actor
from flywheel.wiring import open_backends
from tests.support.scored_runs import CLASSES, RECORDS, add_run

ANN = Actor(id="U-ANN", name="ann", origin="slack")
BOB = Actor(id="U-BOB", name="bob", origin="slack")


def labels_of(row: int) -> tuple[str, str | None]:
    """Teacher and candidate: 45 agreements, 14 disagreements, one answer without a label."""
    teacher = CLASSES[row % 3]
    return teacher, None if row == 59 else CLASSES[(row + 1) % 3] if row % 4 == 0 else teacher


@pytest.fixture
async def backends(settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    async with open_backends(settings, with_queue=False) as opened:
        await add_run(opened, tmp_path, labels_of)
        yield opened


def truth(row: int) -> str:
    """The teacher is wrong where the row ends in 8, and both are where it ends in 3."""
    return labels_of(row)[1] or "" if row % 10 == 8 else "Other" if row % 10 == 3 else ""


def choose(question: Question) -> Choice:
    """What somebody says who knows the truth: where `truth` is silent the teacher is right."""
    right = truth(question.row) or labels_of(question.row)[0]
    if right not in {question.a, question.b}:
        return "neither"
    if question.a == question.b:
        return "both"
    return "a" if question.a == right else "b"


async def ask(backends: Backends, person: Actor = ANN) -> Question | None:
    return await review.next_question(backends, "last", None, person)


async def judge(backends: Backends, n: int, person: Actor = ANN) -> list[Question]:
    asked = []
    for _ in range(n):
        question = await ask(backends, person)
        assert question is not None
        asked.append(question)
        await review.answer(backends, "r-1", "hashing-sgd", question.row, choose(question), person)
    return asked


async def stored(backends: Backends) -> list[Review]:
    async with backends.database.transaction() as session:
        return list(await session.exec(select(Review).order_by(col(Review.id))))


async def test_a_question_shows_the_request_and_two_labels_but_not_whose(
    backends: Backends,
) -> None:
    first = await ask(backends)
    assert first is not None
    assert (first.run_id, first.candidate) == ("r-1", "hashing-sgd")
    assert first.text == f"headline {first.row}"
    assert first.a != first.b
    assert first.classes == CLASSES
    assert await ask(backends) == first, "as long as it is not answered"
    sides = set()
    for question in await judge(backends, 24):
        teacher, candidate = labels_of(question.row)
        assert sorted([question.a, question.b]) == sorted([teacher, candidate or "no idea"])
        if teacher != candidate:
            sides.add("a" if question.a == teacher else "b")
    assert sides == {"a", "b"}


async def test_answers_name_who_was_right(backends: Backends) -> None:
    await judge(backends, RECORDS)
    assert await ask(backends) is None
    rows = {one.row: one for one in await stored(backends)}
    assert len(rows) == RECORDS
    for row, one in rows.items():
        teacher, candidate = labels_of(row)
        right = truth(row) or teacher
        said = {
            (True, True): ("both", teacher),
            (True, False): ("teacher", teacher),
            (False, True): ("candidate", candidate),
            (False, False): ("neither", None),
        }[right == teacher, right == candidate]
        assert (one.judgement, one.right_label) == said
        assert (one.teacher_label, one.candidate_label) == (teacher, candidate)
        assert (one.record_id, one.reviewer, one.candidate) == (f"id{row}", ANN.id, "hashing-sgd")
        assert one.stratum == ("agree" if teacher == candidate else "disagree")
        assert one.stratum_size == (44 if teacher == candidate else 16)
        assert 0 < one.inclusion <= 1
    (candidate_view, other) = (await runs.get_run(backends, "r-1")).nims
    found = candidate_view.audit
    assert other.audit is None
    assert found is not None
    assert found.candidate is not None
    assert found.teacher is not None
    rights = [(truth(row) or labels_of(row)[0], *labels_of(row)) for row in range(RECORDS)]
    assert found.teacher.value == pytest.approx(sum(r == t for r, t, _ in rights) / RECORDS)
    assert found.candidate.value == pytest.approx(sum(r == c for r, _, c in rights) / RECORDS)
    assert found.raw == pytest.approx(44 / 60)


async def test_scores_are_corrected_once_enough_is_judged(backends: Backends) -> None:
    before = (await runs.get_run(backends, "r-1")).version
    await judge(backends, 19)
    view = await runs.get_run(backends, "r-1")
    assert view.version == before + 19, "a card of this run in Slack is drawn anew"
    assert view.nims[0].audit is not None
    assert (view.nims[0].audit.missing, view.nims[0].audit.candidate) == (1, None)
    await judge(backends, 1)
    found = (await runs.get_run(backends, "r-1")).nims[0].audit
    assert found is not None
    assert (found.missing, found.people, found.records) == (0, 1, 20)
    assert found.candidate is not None
    assert found.candidate.low < found.candidate.value < found.candidate.high


async def test_people_share_the_work_and_a_quarter_of_the_records(backends: Backends) -> None:
    ann = [q.row for q in await judge(backends, 8)]
    bob = [q.row for q in await judge(backends, 12, BOB)]
    assert len(set(bob)) == 12
    assert [row in ann for row in bob] == [False, False, False, True] * 3
    # Who answered is of no matter: together they have judged the first part of one order.
    assert set(ann + bob) == {row for row, _ in first_part(await stored(backends), 17)}
    again = [q.row for q in await judge(backends, 4)]
    assert not set(again) & set(ann)
    assert sum(row in bob for row in again) == 1


def first_part(reviews: list[Review], n: int) -> list[tuple[int, float]]:
    """Rows with their inclusion, checked to be without a gap in every stratum."""
    found = {(one.row, one.inclusion): one for one in reviews}
    for stratum in {one.stratum for one in reviews}:
        places = sorted(
            round(one.inclusion * one.stratum_size)
            for one in found.values()
            if one.stratum == stratum
        )
        assert places == list(range(1, len(places) + 1))
    assert len(found) == n
    return list(found)


async def test_several_at_once_lose_nothing(backends: Backends) -> None:
    people = [Actor(id=f"U{n}", name=f"u{n}", origin="slack") for n in range(4)]
    await asyncio.gather(*(judge(backends, 5, person) for person in people))
    kept = await stored(backends)
    assert len({(one.reviewer, one.row) for one in kept}) == len(kept) == 20
    first_part(kept, len({one.row for one in kept}))


async def test_a_later_answer_counts_and_both_stay_on_record(backends: Backends) -> None:
    (question,) = await judge(backends, 1)
    await review.answer(backends, "r-1", "hashing-sgd", question.row, "unclear", ANN)
    kept = await stored(backends)
    assert [one.judgement for one in kept][1:] == ["unclear"]
    found = (await runs.get_run(backends, "r-1")).nims[0].audit
    assert found is not None
    assert (found.records, found.unclear) == (0, 1)
    following = await ask(backends)
    assert following is not None
    assert following.row != question.row


async def test_what_is_taken_back_is_asked_again_and_stays_on_record(backends: Backends) -> None:
    await judge(backends, 2)
    before = await review.standing(backends, "last", None, ANN)
    assert (before.mine, before.anybody, before.records) == (2, 2, RECORDS)
    assert before.last is not None
    last = before.last.question
    assert before.last.choice == choose(last)
    assert await review.withdraw(backends, "r-1", "hashing-sgd", last.row, ANN)
    assert not await review.withdraw(backends, "r-1", "hashing-sgd", last.row, ANN)
    after = await review.standing(backends, "last", None, ANN)
    assert (after.mine, after.question) == (1, last)
    assert after.audit is not None
    assert after.audit.records == 1
    assert [r.judgement for r in await stored(backends)][2:] == ["withdrawn"]
    assert (await review.standing(backends, "last", None, BOB)).last is None


async def test_a_double_click_is_one_judgement(backends: Backends) -> None:
    question = await ask(backends)
    assert question is not None
    args = (backends, "r-1", "hashing-sgd", question.row)
    both = await asyncio.gather(
        review.answer(*args, "a", ANN, once=True),
        review.answer(*args, "b", ANN, once=True),
        return_exceptions=True,
    )
    assert sum(isinstance(one, JudgedError) for one in both) == 1
    assert len(await stored(backends)) == 1
    assert await review.withdraw(*args, ANN)
    await review.answer(*args, "unclear", ANN, once=True)


async def test_the_right_label_is_one_of_the_classes(backends: Backends) -> None:
    question = await ask(backends)
    assert question is not None

    async def said(choice: Choice, label: str) -> str | None:
        row = question.row
        done = await review.answer(backends, "r-1", "hashing-sgd", row, choice, ANN, label)
        return done.right_label

    with pytest.raises(InvalidInputError, match=r"no class 'Othre'\. Did you mean Other"):
        await said("neither", "Othre")
    with pytest.raises(InvalidInputError, match="is one of the two labels"):
        await said("neither", question.a)
    with pytest.raises(InvalidInputError, match="only where both are wrong"):
        await said("a", "Other")
    assert await stored(backends) == []
    assert await said("neither", " other") == "Other"


async def test_what_cannot_be_judged_is_explained(backends: Backends, tmp_path: Path) -> None:
    for model, error, sentence in (
        ("hashing", NotFoundError, "no candidate 'hashing'. Did you mean hashing-sgd"),
        ("tfidf-svm", ConflictError, "tfidf-svm has no score in r-1. These have one: hashing-sgd"),
    ):
        with pytest.raises(error, match=sentence):
            await review.next_question(backends, "r-1", model, ANN)
    with pytest.raises(NotFoundError, match=r"no evaluation record 60\. They are numbered"):
        await review.answer(backends, "r-1", "hashing-sgd", 60, "a", ANN)
    (tmp_path / "eval.jsonl").unlink()
    with pytest.raises(DataError, match=r"eval\.jsonl cannot be read"):
        await ask(backends)
    async with backends.database.transaction() as session:
        for evaluation in await session.exec(select(Evaluation)):
            await session.delete(evaluation)
    with pytest.raises(ConflictError, match="no scored candidate"):
        await ask(backends)


async def test_judgements_go_with_their_run(backends: Backends) -> None:
    await judge(backends, 2)
    await runs.delete_run(backends, "r-1", ANN)
    assert await stored(backends) == []
    async with backends.database.transaction() as session:
        assert list(await session.exec(select(Run))) == []
