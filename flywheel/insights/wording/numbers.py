"""Numbers that stand in a text as digits or as words, in whichever script. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal

_DIGITS = re.compile(r"\d[\d.,’'\u00a0\u202f]*\d|\d")
_SCALES = {
    "k": 10**3, "thousand": 10**3, "tausend": 10**3, "mil": 10**3,
    "m": 10**6, "mio": 10**6, "mln": 10**6, "million": 10**6, "millions": 10**6,
    "millionen": 10**6, "millón": 10**6, "millones": 10**6, "万": 10**4, "億": 10**8,
    "bn": 10**9, "billion": 10**9, "milliarde": 10**9, "milliarden": 10**9,
}  # fmt: skip
_VOLUME = re.compile(
    r"(?<![\w.,])(\d[\d.,]*\d|\d)(?:\s*("
    + "|".join(sorted(_SCALES, key=len, reverse=True))
    + r"))?"
    r"(?![\w%])",
    re.IGNORECASE,
)
_NOT_MONEY = r"(?!\s*(?:%|percent|prozent|por ciento|usd|eur|gbp|chf|jpy|[$€£¥]))"
_LEAST_VOLUME = 1000

# "one" is also an article and a pronoun; "second" is a span of time.
_ENGLISH = """
zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
hundreds thousand thousands million millions billion billions dozen dozens half halves twice
thrice double doubled doubles triple tripled quarter quarters thirds twofold threefold tenfold
"""
_GERMAN = """
null zwei drei vier fünf sechs sieben neun zehn elf zwölf hundert tausend million millionen
milliarde milliarden hälfte halb halbe doppelt doppelte drittel viertel zweimal dreimal dutzend
"""
_SPANISH = """
cero dos tres cuatro cinco seis siete ocho nueve diez doce trece catorce quince veinte treinta
cuarenta cincuenta sesenta setenta ochenta noventa cien ciento cientos mil millón millones mitad
doble triple tercio cuarto docena
"""
_WORDS = re.compile(
    r"(?<![\w-])(?:" + "|".join(f"{_ENGLISH} {_GERMAN} {_SPANISH}".split()) + r")(?![\w])"
    r"|\b\w*(?:zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig|hundert|tausend)\w*"
    r"|\b(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-\w+"
    r"|\b(?:a|one|ein) (?:third|fifth|tenth|hundredth|drittel)\b",
    re.IGNORECASE,
)
# A kanji numeral alone is part of many words; before a counter, or two of them, it is a number.
_KANJI = re.compile(
    r"[二三四五六七八九十百千万億零〇]{2,}|[一二三四五六七八九十百千万億零〇半](?=[割倍件点回個%分])"
)


def numbers_in(text: str) -> list[str]:
    """Every number in the text, as it stands there."""
    plain = unicodedata.normalize("NFKC", text)
    found = [match[0] for pattern in (_DIGITS, _WORDS, _KANJI) for match in pattern.finditer(plain)]
    lone = [c for c in plain if c.isnumeric() and not c.isdigit() and not "\u3400" <= c <= "\u9fff"]
    return [*found, *lone]


def without_volumes(text: str, question: str) -> str:
    """The text without the numbers of requests that the question itself names.

    Only whole numbers from a thousand on, and none that is made an amount of money or a share: what
    somebody asks about is no measurement.
    """
    asked = set(_volumes(question))
    pattern = re.compile(_VOLUME.pattern + _NOT_MONEY, re.IGNORECASE)

    def left(match: re.Match[str]) -> str:
        return " " if _amount(match[1], match[2]) in asked else match[0]

    return pattern.sub(left, text)


def without_names(text: str, names: Iterable[str]) -> str:
    """The text without names that hold digits: models, classes, workloads, runs.

    A name that has a number as a word of its own counts only in quotation marks: it could be
    read as a measurement.
    """
    for name in sorted(set(names), key=len, reverse=True):
        if not numbers_in(name):
            continue
        quoted = any(re.fullmatch(r"[\W\d_]+", word) for word in name.split())
        around = (r"[\"“'‘`«「]", r"[\"”'’`»」]") if quoted else (r"(?<![\w.])", r"(?![\w]|\.\d)")
        text = re.sub(around[0] + re.escape(name) + around[1], " ", text, flags=re.IGNORECASE)
    return text


def _volumes(question: str) -> Iterator[Decimal]:
    for number, scale in _VOLUME.findall(unicodedata.normalize("NFKC", question)):
        amount = _amount(number, scale)
        if amount is not None:
            yield amount


def _amount(number: str, scale: str | None) -> Decimal | None:
    """'4,000,000' and '4 million' alike; None for what is no whole number of a thousand or more."""
    grouped = re.fullmatch(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*", number)
    plain = re.sub(r"[.,]", "", number) if grouped and not scale else number.replace(",", ".")
    if plain.count(".") > 1:
        return None
    amount = Decimal(plain) * _SCALES.get((scale or "").lower(), 1)
    return amount if amount >= _LEAST_VOLUME and amount == amount.to_integral() else None
