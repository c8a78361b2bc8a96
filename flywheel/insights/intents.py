"""What a question wants: a table of patterns, tried in order, and who answers."""

import re

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
from flywheel.insights.intent import (
    Intent,
    has_scored_incumbent,
    lacks,
    names_a_time,
    names_at_most_two,
    names_no_model,
    names_one_model,
    names_two_models,
    words,
)
from flywheel.insights.subjects import mentioned
from flywheel.insights.topic import Topic, is_scored
from flywheel.views import Answer


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


_MEANS_A_RUN = words(r"r-\d+|run \d+|(last|latest) (\w+ )?run")

INTENTS = (
    Intent(
        "help",
        words(r"what can (you|i|we) (do|answer|ask|say)", r"help", r"example questions"),
        trouble.what_can_be_asked,
    ),
    Intent(
        "waiting",
        words(
            r"(open|pending|waiting|outstanding) (approvals?|decisions?)|approvals",
            r"approvals? (are |is )?(open|pending|waiting|missing)",
            r"wait(s|ing)? for .*(approv\w+|decision)|still (needed|missing|to approve)",
            r"(needs?|has|have) to (approve|sign|decide)|who (still )?(must|needs|has to)",
            r"(another|second|more|missing) approvers?|approvers? (left|missing|needed)",
        ),
        on_runs.waiting,
        lacks(r"running|why|gpu"),
    ),
    Intent(
        "trend",
        words(
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
        lacks(r"saving|savings|cost"),
    ),
    Intent(
        "at that time",
        words(r"runs?|ran|happen(ed|ing)?|finish(ed)?|started?|results?|did|went on"),
        on_runs.recent,
        names_a_time,
    ),
    Intent(
        "why promoted",
        words(
            r"why did (\w+ ){1,2}(switch|promote|approve|choose|pick|take|go)",
            r"why was .*\b(promoted|approved|chosen)",
            r"(reason|justification|rationale|argument|grounds) .*"
            r"\b(promot\w+|approv\w+|switch\w+|given)",
        ),
        on_runs.promoted,
        lacks(r"not|nothing|lose|losing|lost|no"),
    ),
    Intent(
        "records needed",
        words(
            r"records? .*\b(need(ed|s)?|enough|decide|require[ds]?|missing)\b",
            r"(need|require|missing) .*\b(records|data)\b|enough (data|records)",
        ),
        on_models.needed,
    ),
    Intent(
        "fine-tuning",
        words(
            r"before (training|it was)|un(trained|tuned)|out of the box|fine[- ]?tun\w+",
            r"(training|tuning) (bring|help|gain|add|improve|give|do|worth|pay)\w*",
            r"base (model|score|version)|zero shot",
        ),
        on_comparisons.tuned,
        lacks(r"baseline"),
    ),
    Intent(
        "unreadable",
        words(r"un(parse?able|readable)|malformed|without a label|no label|invalid answers"),
        on_models.unreadable,
    ),
    Intent(
        "incumbent in a run",
        words(
            r"(get|got|scored?|measured?|did|do|how (good|well)|f1|accuracy).*"
            r"\b(incumbent|live (\w+ )?(one|model)|current (one|model))",
            r"(incumbent|live (\w+ )?(one|model)).*\b(get|got|scored?|do|did|f1|accuracy)",
        ),
        on_models.best,
        lambda topic: (
            has_scored_incumbent(topic)
            and names_one_model(topic)
            and "before" not in topic.question.words
        ),
    ),
    Intent(
        "second",
        words(r"second[- ]best|runner[- ]?up|second place|next best"),
        on_models.second,
    ),
    Intent(
        "verdict",
        words(
            r"(should|can|could|may|shall) \S+( \S+){0,4}? (promoted?|approve|switch|replaced?)",
            r"(should|can|could|may|shall) \S+( \S+){0,4}? (take over|use|trust|go live)",
            r"verdict|recommend(ation|ed|s)?|ready|safe to",
        ),
        on_models.verdict,
        lacks(r"why"),
    ),
    Intent(
        "best and saving",
        re.compile(r"\b(best|winner)\b.*\b(sav\w+|cheaper|costs?)\b"),
        on_costs.best_and_saving,
        lacks(r"why", r"cheapest"),
    ),
    Intent(
        "saving",
        words(
            r"sav(e|es|ed|ing|ings)|cheap(er|est)?|cost\w*|pric(e|es|ey|ing)|money|expensive|spend",
            r"pay(s|ing)?|paid|bill|dollars?|euros?|budget",
        ),
        on_costs.saving,
    ),
    Intent(
        "promoted",
        words(
            r"promoted|incumbents?|in production|live|serv(es?|ing)",
            r"approved?|approver|approval|who (decided|signed)|before the current (one|model)",
            r"promotions?|promote (anything|something|any)",
            r"predecessor|replaced|(answers?|handles?|used?|running) .*\b(at the moment|currently)",
        ),
        on_runs.promoted,
        lacks(
            r"compar\w+|versus|vs|(better|worse) than|beats?|differen\w+|why|significant\w*",
            r"against|how far|tell .* apart",
        ),
    ),
    Intent(
        "class",
        words(
            r"wrong|problem|confus\w+|mistakes?|bad|weak\w*|why|about",
            r"class(es)?|labels?|categor(y|ies)|precision|recall|f1|scores?|accura\w+",
            r"good|well|perform\w*|do(es|ing)?|did|get(s|ting)?|miss\w*|handle[ds]?|right|ok|okay",
            r"taken for|mix\w*|examples?|records?|how many|train\w*|and|worse|better|fine",
        ),
        on_classes.classes,
        lambda topic: on_classes.names_a_class(topic) and names_at_most_two(topic),
    ),
    Intent(
        "failures",
        words(r"fail(ed|s|ing|ures?)?|errors?|went wrong|br[eo]ak?e?n?s?|crash\w*|kill(ed|s)?"),
        on_runs.failures,
        names_no_model,
    ),
    Intent("why", words(r"why|explain|reason|lose|lost|losing|fail(ed|s)?"), on_models.why),
    Intent(
        "compare",
        words(
            r"compar\w+|versus|vs|differences?|(better|worse) than|as good as|beats?|against",
            r"side by side|head to head|apart|how (far|close)|outperform\w*|significant\w*",
            r"rank\w*|standings|step (up|down)|upgrade|downgrade|between r-\d+ and r-\d+",
        ),
        on_comparisons.compare,
    ),
    Intent("choice", words(r"or"), on_comparisons.compare, names_two_models),
    Intent("teacher", words(r"teacher|tokens?"), on_use.teacher, lacks(r"than|records?")),
    Intent(
        "speed",
        words(
            r"fast(er|est)?|slow(er|est)?|latenc(y|ies)|quick(er|est)?|speed|response times?",
            r"p(50|95|99)|percentiles?|milliseconds?|delay",
            r"((seconds?|time) )?per request|how long does .* (answer|respond|need|take)",
        ),
        on_use.fast,
    ),
    Intent(
        "weak classes",
        words(
            r"(weak|worst|bad|hard|difficult)\w* (class|label|categor)\w*|which class(es)?",
            r"(class|label|category) \w+|precision|recall|confus\w+|mistakes?|wrong with",
            r"mix(es|ed|ing)?( \w+)? up|(weak|worst|bad|hard)\w* tools?|weakest|weak(ness\w*)?",
            r"struggl\w+|where (is|does|do) .*\b(worst|weak\w*|fail|err|wrong|bad)",
        ),
        on_classes.classes,
        lacks(r"how many"),
    ),
    Intent(
        "labels",
        words(
            r"(which|what|list|all)( \w+){0,2} (labels|classes|categories|tools)",
        ),
        on_data.labels,
        lacks(r"best|worst|weak\w*|how good"),
    ),
    Intent(
        "data",
        words(
            r"records?|data(sets?)?|trained on|examples?|duplicates?|du?pe?s|eval set|traffic",
            r"contradict\w*|conflict\w*|volume|logged|logs?",
            r"(train\w*|eval\w*|validation|test) (sets?|split)",
            r"class(es)?|labels?|workloads?",
        ),
        on_data.data,
        lacks(r"best|better|winner|status|runs"),
    ),
    Intent(
        "status",
        words(
            r"running|status|state|progress|how (long|far)|finish(ed|es)?|done|still|started|start",
            r"eta",
            r"stuck|queued?|jobs?|happen(ing|ed)|going on|pending|who (asked|requested)",
        ),
        on_runs.status,
    ),
    Intent(
        "best",
        words(
            r"best|better|winn?(er|ing|s)?|won|top|highest|worst|models?|candidates?",
            r"scores?|how well|good|accura\w+|f1|perform\w*|figures|numbers|metrics?|stats",
        ),
        on_models.best,
    ),
    Intent(
        "overview",
        words(r"results?|summar\w+|outcome|tell me|what about|show|came out|went|turn(ed)? out"),
        _overview,
    ),
    Intent("recent", words(r"runs|history"), on_runs.recent),
)


def answer_to(topic: Topic) -> Answer | None:
    """The answer of the first kind of question that this one is; None where it is of no kind."""
    text = topic.question.text
    for intent in INTENTS:
        if intent.pattern.search(text) and intent.needs(topic):
            return intent.answer(topic)
    return _about_what_it_names(topic)


def _about_what_it_names(topic: Topic) -> Answer | None:
    """'and logreg?': no question word, but something that there is.

    With a word that is not understood it asks for something else: 'the licence of the 8B'.
    """
    run = topic.run_with(is_scored)
    if run is None:
        return None
    names_something = topic.models.used or topic.labels.used or not topic.names_nothing
    if names_something and (strangers := topic.strangers(also_ordinary=True)):
        return trouble.not_known(strangers[0])
    if _MEANS_A_RUN.search(topic.question.text):
        return _overview(topic)
    if on_classes.names_a_class(topic):
        return on_classes.classes(topic)
    if not names_no_model(topic):
        return on_models.best(topic)
    return on_runs.overview(topic) if topic.named_workloads else None
