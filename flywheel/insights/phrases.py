"""Sentences about runs and models, made of nothing but what the views hold."""

from collections.abc import Sequence
from decimal import Decimal

from flywheel.evaluation.headline import NAMES
from flywheel.evaluation.scores import ClassScore, Interval, Scores
from flywheel.formatting import count, duration, money
from flywheel.insights.subjects import Subject, taken_for
from flywheel.insights.topic import Topic
from flywheel.insights.values import difference_words
from flywheel.views import Answer, RunView

CANNOT_TELL = "the intervals overlap, so this run cannot tell them apart"
SIGNIFICANT = "the intervals overlap, but on the same records the difference is significant"
NOT_SIGNIFICANT = (
    "on the same records the difference is not significant, so this run cannot tell them apart"
)


def reply(
    *lines: str | None,
    sources: Sequence[str],
    understood: bool = True,
    refused: bool = False,
    choices: Sequence[str] = (),
) -> Answer:
    """An answer of the lines that there are."""
    return Answer(
        text="\n".join(line for line in lines if line),
        sources=list(dict.fromkeys(sources)),
        understood=understood,
        refused=refused,
        choices=list(choices),
    )


def show(*runs: RunView) -> list[str]:
    """The commands that show these runs."""
    return [f"flywheel show {run.id}" for run in runs]


def named(run: RunView) -> str:
    """'r-12 (news_topics)'"""
    return f"{run.id} ({run.workload_id})"


def headline(scores: Scores) -> str:
    """'macro-F1 0.874 (95 % 0.842–0.903, n 400)', or that the judge has given none."""
    found = scores.headline
    return f"no {NAMES[scores.metric]}" if found is None else found.words


def headline_of(subject: Subject) -> str:
    """The headline score of a model, or that it has none."""
    return headline(subject.scores) if subject.scores else "no scores"


def class_scores(row: ClassScore) -> str:
    """'F1 0.412 (precision 0.500, recall 0.350, n 20)'"""
    return (
        f"F1 {row.f1:.3f} (precision {row.precision:.3f}, recall {row.recall:.3f}, "
        f"n {count(row.support)})"
    )


def weak_tools(scores: Scores, most: int) -> list[str]:
    """'• search: 0.800 of 30 calls exact', weakest first; those without a mistake left out."""
    rows = [] if scores.tools is None else scores.tools.per_tool
    rows = sorted(rows, key=lambda tool: (tool.exact_recall, -tool.support))
    return [
        f"• {tool.tool}: {tool.exact_recall:.3f} of {count(tool.support)} calls exact"
        for tool in rows[:most]
        if tool.exact_recall < 1
    ]


def main_mistake(scores: Scores, row: ClassScore) -> str:
    """', most often taken for Earnings (7 of 20)', or nothing where there is no mistake."""
    mistakes = taken_for(scores, row.label)
    if not mistakes:
        return ""
    other, n = mistakes[0]
    return f", most often taken for {other} ({count(n)} of {count(row.support)})"


def currency(run: RunView) -> str:
    """The currency of the run's amounts."""
    return run.recommendation.currency if run.recommendation else ""


def per_1000(amount: Decimal | None, run: RunView) -> str:
    """'0.25 USD per 1,000 requests', or that there is no price."""
    if amount is None:
        return "no price"
    return f"{money(amount, currency(run)).strip()} per 1,000 requests"


def speed(seconds: float | None) -> str:
    """'0.41 ms per request', or that nobody measured it."""
    return "speed not logged" if seconds is None else f"{duration(seconds)} per request"


def overlap(one: Interval, other: Interval) -> bool:
    """Whether the two intervals share a point."""
    return one.low <= other.high and other.low <= one.high


def standing(one: Subject, other: Subject, topic: Topic | None = None) -> str:
    """Whether two models that were scored in one run are known to differ.

    By their intervals; where these overlap by the paired test, if the topic has it.
    """
    first = one.scores.headline if one.scores else None
    second = other.scores.headline if other.scores else None
    if first is None or second is None:
        return ""
    better, worse = (one, other) if first.value >= second.value else (other, one)
    if not overlap(first.interval, second.interval):
        return f"{better.name} is ahead of {worse.name}: the intervals do not overlap."
    found = None if topic is None else topic.paired(one.run, better.name, worse.name)
    if found is not None and found.low > 0:
        return f"{better.name} is ahead of {worse.name}: {SIGNIFICANT}."
    return f"{one.name} and {other.name}: {CANNOT_TELL if found is None else NOT_SIGNIFICANT}."


def paired(one: Subject, other: Subject) -> str | None:
    """What the run's paired comparison says of a candidate and its reference, where it is that."""
    said = one.run.recommendation
    for verdict in said.candidates if said else []:
        if verdict.model_name != one.name or verdict.difference is None:
            continue
        found = verdict.difference
        words = f"Difference on the same records: {difference_words(found)}."
        if found.low > 0:
            return f"*{one.name}* is significantly better than {other.name}. {words}"
        if found.high < 0:
            return f"*{one.name}* is significantly worse than {other.name}. {words}"
        return f"This run cannot tell *{one.name}* and {other.name} apart. {words}"
    return None


def doing_now(run: RunView) -> str:
    """'customize tfidf-svm (40 %), base-eval hashing-sgd'; nothing where no step runs."""
    steps = [step for step in run.steps if step.status == "running"]
    return ", ".join(
        " ".join(filter(None, (step.kind, step.candidate, f"({step.percent:.0f} %)")))
        for step in steps
    )
