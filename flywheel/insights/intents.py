"""What a question wants: a table of patterns, tried in order, and who answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flywheel.insights import (
    on_classes,
    on_comparisons,
    on_costs,
    on_data,
    on_models,
    on_runs,
    on_use,
    trouble,
)
from flywheel.insights.subjects import mentioned
from flywheel.insights.topic import Topic, is_scored
from flywheel.views import Answer


@dataclass(frozen=True)
class Intent:
    """A kind of question; `needs` says whether the question has what the answer is about."""

    name: str
    pattern: re.Pattern[str]
    answer: Callable[[Topic], Answer]
    needs: Callable[[Topic], bool] = lambda _topic: True


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(alternatives) + r")\b")


def _lacks(*alternatives: str) -> Callable[[Topic], bool]:
    pattern = _words(*alternatives)
    return lambda topic: pattern.search(topic.question.text) is None


def _names_two_models(topic: Topic) -> bool:
    run = topic.run_with(is_scored)
    return run is not None and len(mentioned(topic, run).subjects) > 1


def _names_no_model(topic: Topic) -> bool:
    run = topic.run_with(is_scored)
    named = None if run is None else mentioned(topic, run)
    return named is None or named.implied or not named.subjects


INTENTS = (
    Intent(
        "help",
        _words(r"what can (you|i|we) (do|answer|ask|say)", r"help", r"example questions"),
        trouble.what_can_be_asked,
    ),
    Intent(
        "verdict",
        _words(
            r"(should|can|could|may|shall) \S+( \S+){0,4}? (promoted?|approve|switch|replaced?)",
            r"(should|can|could|may|shall) \S+( \S+){0,4}? (take over|use|trust|go live)",
            r"verdict|recommend(ation|ed|s)?|ready|safe to",
        ),
        on_models.verdict,
        _lacks(r"why"),
    ),
    Intent(
        "best and saving",
        re.compile(r"\b(best|winner)\b.*\b(sav\w+|cheaper|costs?)\b"),
        on_costs.best_and_saving,
        _lacks(r"why", r"cheapest"),
    ),
    Intent(
        "saving",
        _words(r"sav(e|es|ed|ing|ings)|cheap(er|est)?|costs?|prices?|money|expensive|spend|pay"),
        on_costs.saving,
    ),
    Intent(
        "promoted",
        _words(
            r"promoted|incumbents?|in production|live|serv(es?|ing)",
            r"approved?|approver|approval|who (decided|signed)",
        ),
        on_runs.promoted,
        _lacks(r"compare|comparison|versus|vs|better than|why"),
    ),
    Intent(
        "class",
        _words(
            r"wrong|problem|confus\w+|mistakes?|bad|weak\w*|why|about",
            r"class(es)?|labels?|categor(y|ies)|precision|recall|f1|scores?|accura\w+",
            r"good|well|perform\w*",
        ),
        on_classes.classes,
        on_classes.names_a_class,
    ),
    Intent(
        "failures",
        _words(r"fail(ed|s|ing|ures?)?|errors?|went wrong|broken?|crash\w*"),
        on_runs.failures,
        _names_no_model,
    ),
    Intent("why", _words(r"why|explain|reason|lose|lost|losing|fail(ed|s)?"), on_models.why),
    Intent(
        "compare",
        _words(r"compar\w+|versus|vs|differences?|(better|worse) than|as good as"),
        on_comparisons.compare,
    ),
    Intent("choice", _words(r"or"), on_comparisons.compare, _names_two_models),
    Intent(
        "speed",
        _words(
            r"fast(er|est)?|slow(er|est)?|latency|quick(er|est)?|speed|response times?",
            r"((seconds?|time) )?per request|how long does .* (answer|respond|need|take)",
        ),
        on_use.fast,
    ),
    Intent(
        "weak classes",
        _words(
            r"(weak|worst|bad|hard|difficult)\w* (class|label|categor)\w*|which class(es)?",
            r"(class|label|category) \w+|precision|recall|confus\w+|mistakes?|wrong with",
        ),
        on_classes.classes,
        _lacks(r"how many"),
    ),
    Intent("teacher", _words(r"teacher|tokens?"), on_use.teacher, _lacks(r"than|records?")),
    Intent(
        "data",
        _words(
            r"records?|data(sets?)?|trained on|examples?|duplicates?",
            r"class(es)?|labels?|workloads?",
        ),
        on_data.data,
        _lacks(r"best|better|winner|status|runs"),
    ),
    Intent(
        "status",
        _words(
            r"running|status|state|progress|how (long|far)|finished|done|still|started|eta",
            r"stuck|queue|happen(ing|ed)|going on",
        ),
        on_runs.status,
    ),
    Intent(
        "best",
        _words(
            r"best|better|winn?(er|ing|s)?|won|top|highest|worst|models?|candidates?",
            r"scores?|how (good|well)|accura\w+|f1|perform\w*",
        ),
        on_models.best,
    ),
    Intent(
        "overview",
        _words(
            r"results?|summar\w+|outcome|tell me|what about|show",
            r"r-\d+|run \d+|(last|latest) run",
        ),
        on_runs.overview,
    ),
    Intent("recent", _words(r"runs|history"), on_runs.recent),
)


def answer_to(topic: Topic) -> Answer | None:
    """The answer of the first kind of question that this one is; None where it is of no kind."""
    text = topic.question.text
    for intent in INTENTS:
        if intent.pattern.search(text) and intent.needs(topic):
            return intent.answer(topic)
    return _about_what_it_names(topic)


def _about_what_it_names(topic: Topic) -> Answer | None:
    """'and logreg?': no question word, but something that there is."""
    run = topic.run_with(is_scored)
    if run is None:
        return None
    if not _names_no_model(topic):
        return on_models.best(topic)
    if on_classes.names_a_class(topic):
        return on_classes.classes(topic)
    return on_runs.overview(topic) if topic.named_workloads else None
