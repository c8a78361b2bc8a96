"""What no answer is known to, and what an answer cannot do: said in one sentence. Pure."""

import re

from flywheel.insights.phrases import reply
from flywheel.views import Answer

_MEASURED = "I know what runs have measured, what the log holds and what was decided"

# The first that fits speaks; what else a question has in it does not matter then.
_BEYOND: tuple[tuple[str, str], ...] = (
    (
        r"\b(passwords?|secrets?|credentials?|(api|private|signing) keys?|bot token)\b",
        "I do not know any keys or passwords, and would not tell them.",
    ),
    (
        r"\b(weather|poems?|jokes?|songs?|lyrics|recipes?|football|horoscope)\b",
        f"That has nothing to do with runs. {_MEASURED}.",
    ),
    (
        r"\b(salary|salaries|e-?mail|phone|address|birthday|holiday|vacation)\b",
        "About people I only know the ids of those who asked for runs and decided on them.",
    ),
    (
        r"\b(gpus?|hardware|vram|watts?|carbon|co2|emissions?|energy|electricity|footprint)\b",
        "Hardware and energy are not recorded: runs measure scores, time and cost.",
    ),
    (
        r"\b(temperature|top[-_ ]p|sampling|context window)\b",
        "How models are asked in production is not recorded with runs.",
    ),
    (
        r"\b(do|does|did|would) (?!the |it |that |we |i )\w+ (think|feel|believe|prefer)\b",
        "What people think is not known; I only see what they have decided.",
    ),
    (
        r"\b(which|what|whose|how many) (customers?|users?|accounts?|teams?|people)\b",
        "Runs know no users or customers, only workloads and the clients that log them.",
    ),
    (
        r"\b(what would happen|what if|if we (used|had|trained|took|doubled|changed))\b",
        "What was not run is not known: start a run with other settings to see.",
    ),
    (
        r"\b(throughput|(tokens|requests) (per|a) second|rps|qps|batch size|concurrency)\b",
        "Throughput is not measured: runs measure the time of one request after the other.",
    ),
    (
        r"\b(to host|hosting|infrastructure|cloud)\b",
        "What hosting costs is not recorded: costs follow from the price table, per request.",
    ),
    (
        r"\b((by|per) (language|country|region|customer|hour)|on (german|english|french) \w+)",
        "Scores are kept per class (or tool), not by language, region or hour.",
    ),
    (
        r"\b(competit(or|ors|ion)|benchmarks?|leaderboards?|industry)\b",
        "I know nothing of other firms or public benchmarks, only of runs here.",
    ),
    (
        r"\b(complain(ts?|ed|ing)?|satisf\w+|feedback|nps)\b",
        "What users think is not recorded: runs measure models on logged records.",
    ),
    (
        r"\b((which|what)( \w+)? prompts?|system prompts?|prompt (text|template))\b",
        "I do not quote prompts; the log keeps them with their records.",
    ),
    (
        r"\b(error rate|errors?|uptime|outages?) (\w+ ){0,3}(in production|this morning|tonight)\b",
        "What happens in production right now is not measured: runs score logged records.",
    ),
    (
        r"\b(when|who) (will|would|is going to) (\w+ ){0,3}(approve|decide|sign|agree|reject)\b",
        "When people decide is not known; I only see what they have decided.",
    ),
    (
        r"\bwill (we|there|you|i) (get|have|see|be|reach)\b",
        "I cannot see ahead: only what runs have measured is known.",
    ),
    (
        r"\b(next (week|month|quarter|year|run)|tomorrow|in the future|forecasts?)\b",
        "I cannot see ahead: only what runs have measured is known.",
    ),
)  # fmt: skip
_ORDER = re.compile(
    r"^(?:(?:please|pls|hey|ok|now|system|assistant|and|then)[\s:,]+)*"
    r"(approve|promote|reject|cancel|delete|remove|start|stop|retry|roll ?back|post|send|tweet|"
    r"publish|upload|write|draw|open|run|execute|change|set)\b"
)
_ALSO_ASKS = re.compile(
    r"\?|\b(tell|show|why|which|what|how|who|when|is|are|did|does|explain|compare|summary)\b"
)
_PREAMBLE = re.compile(
    r"^.*?\b(?:ignore|disregard|forget)\b[^,.;:]*[,.;:]|^\s*system\s*:[^.]*\.", re.IGNORECASE
)


def beyond(text: str, plain: str) -> Answer | None:
    """The refusal of a question that nothing here answers; None for any other.

    `plain` is the question without the names of what there is: a class may be called Energy.
    """
    for pattern, sentence in _BEYOND:
        if re.search(pattern, plain):
            return reply(sentence, sources=[], refused=True)
    return _order(text)


def _order(text: str) -> Answer | None:
    """Answers do nothing: what reads like an order is pointed to where it can be given."""
    order = _PREAMBLE.sub("", text).strip()
    if not _ORDER.search(order) or _ALSO_ASKS.search(order):
        return None
    return reply(
        "I only answer questions and change nothing. Decisions are made with the buttons of a run, "
        "or with the flywheel command.",
        sources=[],
        refused=True,
    )
