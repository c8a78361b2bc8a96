"""Words and options of a typed line.

Forgiving: straight and curly quotes, `key=value`, `--key value` and `--key=value`, with the dashes
that a phone makes of two hyphens.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_CURLY = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})
_TOKEN = re.compile(
    r"""(?P<key>(?:--|—|–)?[\w.-]+=)?(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')(?=\s|$)"""
    r"""|(?P<bare>\S+)"""
)
_OPTION = re.compile(r"(?P<dashes>--|—|–)?(?P<key>[A-Za-z][\w.-]*)=(?P<value>.*)", re.DOTALL)
_FLAG = re.compile(r"(?:--|—|–)(?P<key>[A-Za-z][\w.-]*)")


class Token(NamedTuple):
    """One word as typed, where it begins, and whether all of it was in quotes."""

    text: str
    start: int
    quoted: bool


def straight(text: str) -> str:
    """The line with straight quotes and without space around it."""
    return text.translate(_CURLY).strip()


def tokens_of(text: str) -> list[Token]:
    """The words of a line; what is in quotes is one word."""
    tokens = []
    for match in _TOKEN.finditer(text):
        if match["bare"] is not None:
            tokens.append(Token(match["bare"], match.start(), False))
            continue
        value = match["double"] if match["double"] is not None else match["single"]
        key = match["key"] or ""
        tokens.append(Token(key + value, match.start(), not key))
    return tokens


def split(tokens: Sequence[Token]) -> tuple[list[str], list[tuple[str, str]]]:
    """Words and options; `--key value` takes the next word as its value."""
    words: list[str] = []
    options: list[tuple[str, str]] = []
    rest = iter(tokens)
    for token in rest:
        option = None if token.quoted else _OPTION.fullmatch(token.text)
        flag = None if token.quoted else _FLAG.fullmatch(token.text)
        if option is not None:
            options.append((_key(option["key"]), option["value"]))
        elif flag is not None:
            following = next(rest, None)
            options.append((_key(flag["key"]), following.text if following else ""))
        else:
            words.append(token.text)
    return words, options


def value(text: str, *keys: str) -> str:
    """The word itself, or the value where it was written as `key=value`."""
    option = _OPTION.fullmatch(text)
    return option["value"] if option and _key(option["key"]) in keys else text


def rest_of_line(text: str, tokens: Sequence[Token], key: str) -> str:
    """The end of the line as it was written, without quotes around all of it or `key=` before."""
    if tokens and _FLAG.fullmatch(tokens[0].text):
        tokens = tokens[1:]
    if not tokens:
        return ""
    if len(tokens) == 1:
        return value(tokens[0].text, key).strip()
    return text[tokens[0].start :].strip().removeprefix(f"{key}=")


def _key(raw: str) -> str:
    return raw.lower().replace("-", "_")
