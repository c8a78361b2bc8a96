"""Answers about money: what models cost, and what a smaller one would save."""

from collections.abc import Sequence
from decimal import Decimal

from flywheel.formatting import count, money, percent
from flywheel.insights import on_models
from flywheel.insights.phrases import currency, named, per_1000, reply, show
from flywheel.insights.question import Amount
from flywheel.insights.subjects import Subject, mentioned, ranked, recommended, teacher_of
from flywheel.insights.topic import Topic, is_scored
from flywheel.insights.trouble import no_runs, no_scores, unknown_model
from flywheel.views import Answer, RunView

_NO_PRICE = "Prices are set under prices.models in the settings."


def saving(topic: Topic) -> Answer:
    """What a candidate costs and saves, per 1,000 requests and for the amount asked for."""
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    asked = mentioned(topic, run)
    subjects = [s for s in asked.subjects if not s.is_teacher]
    if asked.unknown and not asked.subjects:
        return unknown_model(topic, run, asked.unknown)
    if not ranked(run):
        return no_scores(topic, run)
    several = len(subjects) > 1 and topic.question.amount is None
    if "cheapest" in topic.question.words or several:
        return _price_list(run, subjects if several else ())
    subject = subjects[0] if subjects else recommended(run)
    assert subject is not None  # some are ranked
    teacher = teacher_of(run)
    unknown = subject.cost_per_1000 is None or teacher is None or teacher.cost_per_1000 is None
    return reply(
        *_saving_lines(run, subject, teacher, topic.question.amount),
        sources=show(run),
        refused=unknown,
    )


def best_and_saving(topic: Topic) -> Answer:
    """Both halves of "which is best, and what would it save": the model recommended saves."""
    first = on_models.best(topic)
    run = topic.run_with(is_scored)
    chosen = None if run is None else recommended(run)
    if run is None or chosen is None:
        return first
    lines = _saving_lines(run, chosen, teacher_of(run), topic.question.amount)
    return first.model_copy(update={"text": "\n".join((first.text, *lines))})


def _saving_lines(
    run: RunView, subject: Subject, teacher: Subject | None, amount: Amount | None
) -> list[str]:
    lines = [f"In {named(run)} *{subject.name}* {_costs(subject, run)}."]
    if teacher is None:
        return [
            *lines,
            "The log does not say which model answered, so no saving can be worked out.",
        ]
    lines.append(f"The teacher {teacher.name.removesuffix(' (teacher)')} {_costs(teacher, run)}.")
    if subject.cost_per_1000 is None or teacher.cost_per_1000 is None:
        return [*lines, f"Without both prices no saving can be worked out. {_NO_PRICE}"]
    lines.append(_per_1000(run, teacher.cost_per_1000, subject.cost_per_1000))
    if amount is not None:
        lines.append(_for_amount(run, amount, teacher.cost_per_1000, subject))
    verdicts = run.recommendation.candidates if run.recommendation else []
    said = next((v for v in verdicts if v.model_name == subject.name), None)
    if said is not None and said.verdict != "promote":
        lines.append(f"But its verdict is *{said.verdict}*: {said.reason}")
    return lines


def _costs(subject: Subject, run: RunView) -> str:
    if subject.cost_per_1000 is None:
        return "has no price"
    return f"costs {per_1000(subject.cost_per_1000, run)}"


def _per_1000(run: RunView, teacher: Decimal, candidate: Decimal) -> str:
    saved = teacher - candidate
    if saved < 0:
        return f"It would cost {money(-saved, currency(run)).strip()} more per 1,000 requests."
    share = f", {percent(float(saved / teacher))} of the teacher's cost" if teacher else ""
    return f"It would save *{money(saved, currency(run)).strip()}* per 1,000 requests{share}."


def _for_amount(run: RunView, amount: Amount, teacher: Decimal, subject: Subject) -> str:
    candidate = subject.cost_per_1000 or Decimal(0)

    def total(cost_per_1000: Decimal) -> str:
        return money(cost_per_1000 * amount.requests / 1000, currency(run)).strip()

    per = f" a {amount.period}" if amount.period else ""
    word = "saved" if teacher >= candidate else "more"
    return (
        f"For {count(amount.requests)} requests{per}: {total(teacher)} for the teacher, "
        f"{total(candidate)} for {subject.name}; *{total(abs(teacher - candidate))}* {word}{per}."
    )


def _price_list(run: RunView, subjects: Sequence[Subject] = ()) -> Answer:
    priced = [s for s in subjects or ranked(run) if s.cost_per_1000 is not None]
    teacher = teacher_of(run)
    if teacher and teacher.cost_per_1000 is not None:
        priced.append(teacher)
    if not priced:
        said = f"No model of {named(run)} has a price. {_NO_PRICE}"
        return reply(said, sources=show(run), refused=True)
    priced.sort(key=lambda s: s.cost_per_1000 or Decimal(0))
    lines = [f"*{s.name}*: {per_1000(s.cost_per_1000, run)}" for s in priced]
    return reply(f"In {named(run)}, cheapest first:", *lines[:8], sources=show(run))
