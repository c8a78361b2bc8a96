"""When two requests are the same: letter by letter, or nearly. Pure."""

import re
import string
import unicodedata

_LINK = re.compile(r"https?://\S+")  # nearly all links; looked for first, because it is fast
_ANY_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+", re.IGNORECASE)
_BARE_LINK = re.compile(r"\b(?:[\w-]+\.)+[a-z]{2,}/\S*", re.IGNORECASE)

# For ASCII, which most text is, a byte table does the same as `_WORDS`, many times faster.
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_NOT_WORD = bytes(b for b in range(128) if not chr(b).isalnum())


class _Words(dict[int, int | None]):
    """A table for str.translate that keeps letters, digits and the marks that belong to them.

    Marks are vowels in many scripts; the selectors that only choose how a character is drawn
    are dropped.
    """

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        mark = unicodedata.category(character)[0] == "M" and not 0xFE00 <= code <= 0xFE0F
        self[code] = code if character.isalnum() or mark else None
        return self[code]


_WORDS = _Words()


def strip_links(text: str) -> str:
    """The text without web addresses, with or without their scheme."""
    if "://" in text:
        text = _LINK.sub(" ", text)
    if "://" in text or "www." in text.lower():
        text = _ANY_LINK.sub(" ", text)
    return _BARE_LINK.sub(" ", text) if "/" in text else text


def near_key(text: str) -> str:
    """What is left of a text without case, white space, links and punctuation.

    Two texts with the same key are near-duplicates. A text of nothing but links or punctuation
    is its own key.
    """
    if text.isascii():
        return strip_links(text).encode().translate(_LOWER, _NOT_WORD).decode() or text
    plain = strip_links(unicodedata.normalize("NFKC", text))
    return plain.casefold().translate(_WORDS) or text
