"""A kind of question: how it is recognised, and who answers it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flywheel.insights.subjects import incumbent_in, mentioned
from flywheel.insights.topic import Topic, is_scored
from flywheel.views import Answer


@dataclass(frozen=True)
class Intent:
    """A kind of question; `needs` says whether the question has what the answer is about."""

    name: str
    pattern: re.Pattern[str]
    answer: Callable[[Topic], Answer]
    needs: Callable[[Topic], bool] = lambda _topic: True


def words(*alternatives: str) -> re.Pattern[str]:
    """Any of these words or expressions, as words of their own."""
    return re.compile(r"\b(?:" + "|".join(alternatives) + r")\b")


def lacks(*alternatives: str) -> Callable[[Topic], bool]:
    """That the question has none of these."""
    pattern = words(*alternatives)
    return lambda topic: pattern.search(topic.question.text) is None


def names_two_models(topic: Topic) -> bool:
    """Whether it speaks of two models at least."""
    run = topic.run_with(is_scored)
    return run is not None and len(mentioned(topic, run).subjects) > 1


def names_one_model(topic: Topic) -> bool:
    """Whether it speaks of one model."""
    run = topic.run_with(is_scored)
    return run is not None and len(mentioned(topic, run).subjects) == 1


def has_scored_incumbent(topic: Topic) -> bool:
    """Whether the run meant has scored what served."""
    run = topic.run_with(is_scored)
    return run is not None and bool(incumbent_in(run))


def names_a_time(topic: Topic) -> bool:
    """Whether it speaks of a span of time."""
    return topic.span is not None


def names_at_most_two(topic: Topic) -> bool:
    """Whether it speaks of two models at most."""
    run = topic.run_with(is_scored)
    return run is not None and len(mentioned(topic, run).subjects) < 3


def names_no_model(topic: Topic) -> bool:
    """Whether it names no model itself, though what was said before may."""
    run = topic.run_with(is_scored)
    named = None if run is None else mentioned(topic, run)
    return named is None or named.implied or not named.subjects
