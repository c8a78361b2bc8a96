"""A question, cleaned and cut into words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from flywheel.insights.languages import in_english
from flywheel.insights.names import squash
from flywheel.insights.vocabulary import corrected, is_ordinary

# Mentions, links and images: nobody is called by them, and nothing is fetched.
_MENTION = re.compile(
    r"<[@#!h][^>]*>|!?\[[^\]]*\]\([^)]*\)|https?://\S+|(?<!\w)@[\w.-]+", re.IGNORECASE
)
_WORD = re.compile(r"\d[\d,]*(?:\.\d+)?(?!\w)|[\w&+](?:[\w&+./'-]*[\w&+])?")
_RUN = re.compile(r"\b(?:r-?|runs?\s*#?\s*(?:r-?)?)(\d{1,9})\b")
_AMOUNT = re.compile(
    r"(?<![\w.,-])(?<!per )(\d[\d,]*(?:\.\d+)?)\s*(k|thousand|m|mio|mln|million|bn|billion)?\b"
    r"(?:\s*(?!(?:a|per|each|every|daily|weekly|monthly|yearly)\b)([a-z]+))?"
    r"(?:\s+(?:a|per|each|every)\s+([a-z]+)|\s+(daily|weekly|monthly|yearly))?"
)
_METRIC = re.compile(r"\b(macro|weighted|balanced)[_-](f1|accuracy)")
_PERIOD = re.compile(
    r"\b(?:a|per|each|every) (day|week|month|year)\b|\b(daily|weekly|monthly|yearly)\b"
)
_LONG = 4  # words of a name
# Words after which a name stands.
_BEFORE_NAMES = frozenset(
    "is does did was has are were and or versus vs with than against called named model workload "
    "compare candidate of about promote class label category".split()
)
_LONGEST = 500  # characters that are read

_FACTORS = {"k": 10**3, "thousand": 10**3, "bn": 10**9, "billion": 10**9} | dict.fromkeys(
    ("m", "mio", "mln", "million"), 10**6
)
_ADVERBS = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
_REQUESTS = {"request", "requests", "call", "calls", "query", "queries", "prompt", "prompts",
             "record", "records", "message", "messages", "answers", "tickets"}  # fmt: skip


@dataclass(frozen=True)
class Amount:
    """So many requests, per so much time where the question says it."""

    requests: int
    period: str | None


@dataclass(frozen=True)
class Question:
    """`text` is lower case, with mentions taken out and telling words spelled right."""

    text: str
    words: tuple[str, ...]
    quoted: tuple[str, ...] = ()  # long names that stand in it, replaced by 'class'

    @classmethod
    def of(cls, text: str, quoted: tuple[str, ...] = ()) -> "Question":
        """The question that this text is, as it stands."""
        return cls(text, tuple(_WORD.findall(text)), quoted)

    def without_long(self, names: Iterable[str]) -> "Question":
        """With every name of four words or more replaced: it may read like a question itself."""
        text = self.text
        found = []
        for name in names:
            if len(name.split()) >= _LONG and (own := name.lower()) in text:
                text = text.replace(own, " class ")
                found.append(name)
        return Question.of(" ".join(text.split()), tuple(found)) if found else self

    @property
    def run_refs(self) -> list[str]:
        """The runs that it names, 'r-12'."""
        return list(dict.fromkeys(f"r-{int(number)}" for number in _RUN.findall(self.text)))

    @property
    def amount(self) -> Amount | None:
        """The number of requests that it asks for: '4 million requests a month'."""
        for number, factor, unit, period, adverb in _AMOUNT.findall(_RUN.sub(" ", self.text)):
            per = _ADVERBS.get(adverb, period)
            per = per if per in _ADVERBS.values() else None
            if factor or per or unit in _REQUESTS:
                requests = Decimal(number.replace(",", "")) * _FACTORS.get(factor, 1)
                return Amount(int(requests), per or self._period)
        return None

    @property
    def _period(self) -> str | None:
        """The span of time that stands elsewhere: 'what do we save a month at 4 million'."""
        if (found := _PERIOD.search(self.text)) is None:
            return None
        return found[1] or _ADVERBS[found[2]]

    def unread(self, used: Iterable[int]) -> str:
        """The first words that are neither ordinary nor `used`, where an unknown name may stand.

        That is after 'how good is' or 'compare', say, or where the word is written as names are.
        """
        used = set(used)
        group: list[str] = []
        for position, word in enumerate(self.words):
            strange = position not in used and not is_ordinary(word) and not _is_number(word)
            if strange and (group or self._may_be_name(position)):
                group.append(word)
            elif group:
                break
        return " ".join(group)

    def _may_be_name(self, position: int) -> bool:
        before = self.words[position - 1] if position else ""
        return (
            len(self.words) <= 2
            or before in _BEFORE_NAMES
            or re.search(r"[\d_/-]", self.words[position]) is not None
        )


def read(text: str, names: Iterable[str]) -> Question:
    """The question in `text`; words of `names` are left as they are written."""
    known = {squash(part) for name in names for part in (name, *re.split(r"[\s/_-]+", name))}

    def spelled_right(match: re.Match[str]) -> str:
        word = match[0].removesuffix("'s")
        return word if squash(word) in known else corrected(word)

    spoken = in_english(_MENTION.sub(" ", text[:_LONGEST]).replace("’", "'"), known)
    plain = _METRIC.sub(r"\1 \2", " ".join(spoken.lower().split()))
    corrected_text = _WORD.sub(spelled_right, plain)
    return Question.of(corrected_text)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"(r-?)?[\d.,]+[km]?", word) is not None
