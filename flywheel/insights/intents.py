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
    on_trends,
    on_use,
    trouble,
)
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


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(alternatives) + r")\b")


def _lacks(*alternatives: str) -> Callable[[Topic], bool]:
    pattern = _words(*alternatives)
    return lambda topic: pattern.search(topic.question.text) is None


def _names_two_models(topic: Topic) -> bool:
    run = topic.run_with(is_scored)
    return run is not None and len(mentioned(topic, run).subjects) > 1


def _names_one_model(topic: Topic) -> bool:
    run = topic.run_with(is_scored)
    return run is not None and len(mentioned(topic, run).subjects) == 1


def _has_scored_incumbent(topic: Topic) -> bool:
    run = topic.run_with(is_scored)
    return run is not None and bool(incumbent_in(run))


def _names_a_time(topic: Topic) -> bool:
    return topic.span is not None


def _names_at_most_two(topic: Topic) -> bool:
    run = topic.run_with(is_scored)
    return run is not None and len(mentioned(topic, run).subjects) < 3


def _names_no_model(topic: Topic) -> bool:
    run = topic.run_with(is_scored)
    named = None if run is None else mentioned(topic, run)
    return named is None or named.implied or not named.subjects


def _overview(topic: Topic) -> Answer:
    """The outcome of a run; of the models or the class in it, where some are named."""
    run = topic.run_with(is_scored)
    if run is None or not is_scored(run):
        return on_runs.overview(topic)
    if on_classes.names_a_class(topic):
        return on_classes.classes(topic)
    number = len(mentioned(topic, run).subjects)
    if number > 1:
        return on_comparisons.compare(topic)
    return on_models.best(topic) if number else on_runs.overview(topic)


INTENTS = (
    Intent(
        "help",
        _words(r"what can (you|i|we) (do|answer|ask|say)", r"help", r"example questions"),
        trouble.what_can_be_asked,
    ),
    Intent(
        "waiting",
        _words(
            r"(open|pending|waiting|outstanding) (approvals?|decisions?)|approvals",
            r"approvals? (are |is )?(open|pending|waiting|missing)",
            r"wait(s|ing)? for .*(approv\w+|decision)|still (needed|missing|to approve)",
            r"(needs?|has|have) to (approve|sign|decide)|who (still )?(must|needs|has to)",
            r"(another|second|more|missing) approvers?|approvers? (left|missing|needed)",
        ),
        on_runs.waiting,
        _lacks(r"running|why|gpu"),
    ),
    Intent(
        "trend",
        _words(
            r"time ?line|los(e|es|ing|t) (it|ground|quality)",
            r"trends?|over time|drift\w*|degrad\w+|slip(ped|s)?|regress(ed|es|ing)?|evol\w+",
            r"history of|developed|over the (last|past) (\w+ )?runs|from run to run",
            r"(getting|got|gotten|become|became|becoming|gone) (any )?(better|worse)",
            r"(better|worse|improved?) (than )?(since|in the run before|last (week|month|time))",
            r"(better|worse) than (in |at )?(the )?(run before|previous|last (run|week|month))",
            r"still as good|as good as (when|before)|improv\w+ since|(did|has|have) .*improv\w+",
            r"compar\w+ (with|to) (the )?(previous|last|earlier) (\w+ )?(runs?|week|month|time)",
            r"(up|down|drop(ped)?|declin\w+|worse|better|los\w+|quality) .*\bsince|changed? since",
            r"downhill|declin\w+|deteriorat\w+|worsen\w+|(run|run,) by run|(per|each|every|by) run",
        ),
        on_trends.trend,
        _lacks(r"saving|savings|cost"),
    ),
    Intent(
        "at that time",
        _words(r"runs?|ran|happen(ed|ing)?|finish(ed)?|started?|results?|did|went on"),
        on_runs.recent,
        _names_a_time,
    ),
    Intent(
        "why promoted",
        _words(
            r"why did (\w+ ){1,2}(switch|promote|approve|choose|pick|take|go)",
            r"why was .*\b(promoted|approved|chosen)",
            r"(reason|justification|rationale|argument|grounds) .*"
            r"\b(promot\w+|approv\w+|switch\w+|given)",
        ),
        on_runs.promoted,
        _lacks(r"not|nothing|lose|losing|lost|no"),
    ),
    Intent(
        "records needed",
        _words(
            r"records? .*\b(need(ed|s)?|enough|decide|require[ds]?|missing)\b",
            r"(need|require|missing) .*\b(records|data)\b|enough (data|records)",
        ),
        on_models.needed,
    ),
    Intent(
        "fine-tuning",
        _words(
            r"before (training|it was)|un(trained|tuned)|out of the box|fine[- ]?tun\w+",
            r"(training|tuning) (bring|help|gain|add|improve|give|do|worth|pay)\w*",
            r"base (model|score|version)|zero shot",
        ),
        on_comparisons.tuned,
        _lacks(r"baseline"),
    ),
    Intent(
        "unreadable",
        _words(r"un(parse?able|readable)|malformed|without a label|no label|invalid answers"),
        on_models.unreadable,
    ),
    Intent(
        "incumbent in a run",
        _words(
            r"(get|got|scored?|measured?|did|do|how (good|well)|f1|accuracy).*"
            r"\b(incumbent|live (\w+ )?(one|model)|current (one|model))",
            r"(incumbent|live (\w+ )?(one|model)).*\b(get|got|scored?|do|did|f1|accuracy)",
        ),
        on_models.best,
        lambda topic: (
            _has_scored_incumbent(topic)
            and _names_one_model(topic)
            and "before" not in topic.question.words
        ),
    ),
    Intent(
        "second",
        _words(r"second[- ]best|runner[- ]?up|second place|next best"),
        on_models.second,
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
        _words(
            r"sav(e|es|ed|ing|ings)|cheap(er|est)?|cost\w*|pric(e|es|ey|ing)|money|expensive|spend",
            r"pay(s|ing)?|paid|bill|dollars?|euros?|budget",
        ),
        on_costs.saving,
    ),
    Intent(
        "promoted",
        _words(
            r"promoted|incumbents?|in production|live|serv(es?|ing)",
            r"approved?|approver|approval|who (decided|signed)|before the current (one|model)",
            r"promotions?|promote (anything|something|any)",
            r"predecessor|replaced|(answers?|handles?|used?|running) .*\b(at the moment|currently)",
        ),
        on_runs.promoted,
        _lacks(
            r"compar\w+|versus|vs|(better|worse) than|beats?|differen\w+|why|significant\w*",
            r"against|how far|tell .* apart",
        ),
    ),
    Intent(
        "class",
        _words(
            r"wrong|problem|confus\w+|mistakes?|bad|weak\w*|why|about",
            r"class(es)?|labels?|categor(y|ies)|precision|recall|f1|scores?|accura\w+",
            r"good|well|perform\w*|do(es|ing)?|did|get(s|ting)?|miss\w*|handle[ds]?|right|ok|okay",
            r"taken for|mix\w*|examples?|records?|how many|train\w*|and|worse|better|fine",
        ),
        on_classes.classes,
        lambda topic: on_classes.names_a_class(topic) and _names_at_most_two(topic),
    ),
    Intent(
        "failures",
        _words(r"fail(ed|s|ing|ures?)?|errors?|went wrong|br[eo]ak?e?n?s?|crash\w*"),
        on_runs.failures,
        _names_no_model,
    ),
    Intent("why", _words(r"why|explain|reason|lose|lost|losing|fail(ed|s)?"), on_models.why),
    Intent(
        "compare",
        _words(
            r"compar\w+|versus|vs|differences?|(better|worse) than|as good as|beats?|against",
            r"side by side|head to head|apart|how (far|close)|outperform\w*|significant\w*",
            r"rank\w*|standings|step (up|down)|upgrade|downgrade|between r-\d+ and r-\d+",
        ),
        on_comparisons.compare,
    ),
    Intent("choice", _words(r"or"), on_comparisons.compare, _names_two_models),
    Intent("teacher", _words(r"teacher|tokens?"), on_use.teacher, _lacks(r"than|records?")),
    Intent(
        "speed",
        _words(
            r"fast(er|est)?|slow(er|est)?|latenc(y|ies)|quick(er|est)?|speed|response times?",
            r"p(50|95|99)|percentiles?|milliseconds?|delay",
            r"((seconds?|time) )?per request|how long does .* (answer|respond|need|take)",
        ),
        on_use.fast,
    ),
    Intent(
        "weak classes",
        _words(
            r"(weak|worst|bad|hard|difficult)\w* (class|label|categor)\w*|which class(es)?",
            r"(class|label|category) \w+|precision|recall|confus\w+|mistakes?|wrong with",
            r"mix(es|ed|ing)?( \w+)? up|(weak|worst|bad|hard)\w* tools?|weakest|weak(ness\w*)?",
            r"struggl\w+|where (is|does|do) .*\b(worst|weak\w*|fail|err|wrong|bad)",
        ),
        on_classes.classes,
        _lacks(r"how many"),
    ),
    Intent(
        "labels",
        _words(
            r"(which|what|list|all)( \w+){0,2} (labels|classes|categories|tools)",
        ),
        on_data.labels,
        _lacks(r"best|worst|weak\w*|how good"),
    ),
    Intent(
        "data",
        _words(
            r"records?|data(sets?)?|trained on|examples?|duplicates?|du?pe?s|eval set|traffic",
            r"contradict\w*|conflict\w*|volume|logged|logs?",
            r"(train\w*|eval\w*|validation|test) (sets?|split)",
            r"class(es)?|labels?|workloads?",
        ),
        on_data.data,
        _lacks(r"best|better|winner|status|runs"),
    ),
    Intent(
        "status",
        _words(
            r"running|status|state|progress|how (long|far)|finish(ed|es)?|done|still|started|start",
            r"eta",
            r"stuck|queued?|jobs?|happen(ing|ed)|going on|pending|who (asked|requested)",
        ),
        on_runs.status,
    ),
    Intent(
        "best",
        _words(
            r"best|better|winn?(er|ing|s)?|won|top|highest|worst|models?|candidates?",
            r"scores?|how well|good|accura\w+|f1|perform\w*|figures|numbers|metrics?|stats",
        ),
        on_models.best,
    ),
    Intent(
        "overview",
        _words(
            r"results?|summar\w+|outcome|tell me|what about|show",
            r"r-\d+|run \d+|(last|latest) run",
        ),
        _overview,
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
    if on_classes.names_a_class(topic):
        return on_classes.classes(topic)
    if not _names_no_model(topic):
        return on_models.best(topic)
    return on_runs.overview(topic) if topic.named_workloads else None
