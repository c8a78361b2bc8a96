"""`flywheel review`: people as judges of a run's answers."""

import asyncio
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from flywheel.cli.context import backends, console, me, run
from flywheel.cli.lines import LineReader
from flywheel.errors import InvalidInputError
from flywheel.evaluation.audit import in_words
from flywheel.formatting import count
from flywheel.ports.backends import Backends
from flywheel.service import review as service
from flywheel.service.review import Choice, Reveal
from flywheel.service.review_material import Question
from flywheel.service.runs import get_run

CHOICES: dict[str, Choice] = {"a": "a", "b": "b", "r": "both", "w": "neither", "u": "unclear"}
KEYS = (
    "a: A is right, b: B is right, r: both right, w: both wrong (`w LABEL` or `w NUMBER` names "
    "the right one), u: unclear, p: the previous record again, q: quit"
)
TEXT_CHARACTERS = 2_000  # what a screen holds; the rest of a long request is left out


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(review)


def review(
    run_id: Annotated[str, typer.Argument(help="The run: r-12, 12 or last")],
    model: Annotated[
        str | None, typer.Option(help="One of its candidates; the recommended one if left out")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Records to judge")] = 20,
) -> None:
    """Judge whether teacher or candidate is right, record by record, without seeing which is which.

    Answers are one letter a line, from the keyboard or a pipe, and are stored one by one:
    a (A is right), b, r (both right), w (both wrong), u (unclear), p (previous again), q (quit).
    """

    async def main() -> None:
        async with backends() as opened:
            session = _Session(opened, run_id, model)
            try:
                await session.ask(n)
            except asyncio.CancelledError:
                console.print()
                await session.close()
                raise
            await session.close()

    run(main())


class _Session:
    """One person at the keyboard."""

    def __init__(self, opened: Backends, ref: str, model: str | None) -> None:
        self._opened = opened
        self._ref, self._model = ref, model
        self._me = me()
        self._lines = LineReader(asyncio.Event())
        self._stored = 0

    async def ask(self, n: int) -> None:
        """Ask about n records, or until the person leaves or has judged all."""
        number, before = 1, None
        question = await self._next()
        if question is None:
            console.print("You have judged every record of this evaluation set.")
            return
        console.print(
            f"{question.run_id} · {escape(question.candidate)}: who is right, A or B? "
            "One of them is the teacher; you see which after your answer.",
            KEYS,
            sep="\n",
            soft_wrap=True,
        )
        while question is not None:
            self._show(question, f"{number} of {n}")
            pressed = await self._press(question, before is not None)
            if pressed == "quit":
                return
            if pressed == "previous":
                assert before is not None
                question, before, number = before, None, number - 1
                continue
            number, before = number + 1, question
            question = await self._next() if number <= n else None
            if question is None and number <= n:
                console.print("You have judged every record of this evaluation set.")

    async def close(self) -> None:
        """Say what is stored, and what it means for the scores."""
        answers = "1 answer is" if self._stored == 1 else f"{count(self._stored)} answers are"
        console.print(f"\n{answers} stored.")
        if not self._stored:
            return
        view = await get_run(self._opened, self._ref)
        found = next(c.audit for c in view.nims if c.model_name == self._model)
        if found is not None:
            console.print(f"{escape(self._model or '')} {escape(in_words(found))}", soft_wrap=True)

    async def _next(self) -> Question | None:
        question = await service.next_question(self._opened, self._ref, self._model, self._me)
        if question is not None:
            # 'last' and the best candidate may become others while we ask.
            self._ref, self._model = question.run_id, question.candidate
        return question

    def _show(self, question: Question, place: str) -> None:
        cut = len(question.text) - TEXT_CHARACTERS
        text = _printable(question.text[:TEXT_CHARACTERS])
        console.print(f"\n[dim]{place}[/]", f"[bold]{escape(text)}[/]", sep="\n", soft_wrap=True)
        if cut > 0:
            console.print(f"[dim]({count(cut)} more characters)[/]")
        for name, label in (("A", question.a), ("B", question.b)):
            console.print(f"  {name}  {escape(_printable(label))}", soft_wrap=True)

    async def _press(
        self, question: Question, previous: bool
    ) -> Literal["answered", "previous", "quit"]:
        """Wait for an answer and store it, or for the wish to go back or leave."""
        while (line := await self._lines.read("a b r w u p q? ")) is not None:
            key, _, label = line.strip().partition(" ")
            key = key.lower()
            if key == "q":
                return "quit"
            if key == "p" and previous:
                return "previous"
            if key not in CHOICES or (label and key != "w"):
                console.print("There is no previous record." if key == "p" else KEYS)
                continue
            if key == "w" and not label and self._lines.keyboard:
                label = await self._label(question)
            try:
                await self._store(question, CHOICES[key], label.strip())
            except InvalidInputError as error:
                console.print(escape(f"{error.message} {error.hint}"), soft_wrap=True)
            else:
                return "answered"
        return "quit"

    async def _label(self, question: Question) -> str:
        """What the right label is; empty where the person does not say."""
        table = Table(box=None, pad_edge=False, show_header=False)
        for number, label in enumerate(question.classes, start=1):
            table.add_row(f"  {number}", escape(label))
        console.print(table)
        return await self._lines.read("the right label, by number or name (Enter: none)? ") or ""

    async def _store(self, question: Question, choice: Choice, label: str) -> None:
        """Store an answer and say who was who. Raises InvalidInputError."""
        if label.isdecimal() and 1 <= int(label) <= len(question.classes):
            label = question.classes[int(label) - 1]
        done = await service.answer(
            self._opened,
            question.run_id,
            question.candidate,
            question.row,
            choice,
            self._me,
            label or None,
        )
        self._stored += 1
        self._reveal(question, done)

    def _reveal(self, question: Question, done: Reveal) -> None:
        if question.a == question.b:
            who = f"both the teacher ({done.teacher_model}) and {done.candidate} said so"
        else:
            names = [f"the teacher ({done.teacher_model})", done.candidate]
            a, b = names if done.a_is == "teacher" else names[::-1]
            who = f"A was {a}, B was {b}"
        console.print(f"[dim]{escape(who)}[/]", soft_wrap=True)


def _printable(text: str) -> str:
    """What is shown comes from a log: nothing in it may steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
