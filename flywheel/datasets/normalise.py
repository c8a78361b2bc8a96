"""When two requests are the same: letter by letter, or nearly."""

import re
import string
import unicodedata

_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_BARE_LINK = re.compile(r"\b(?:[\w-]+\.)+[a-z]{2,}/\S*", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\W_]+")

# For ASCII, which most text is, a byte table does the same as the pattern, many times faster.
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_NOT_WORD = bytes(b for b in range(128) if not chr(b).isalnum())


def strip_links(text: str) -> str:
    """The text without web addresses, with or without their scheme."""
    if "/" not in text and "www." not in text.lower():
        return text
    without = _LINK.sub(" ", text)
    return _BARE_LINK.sub(" ", without) if "/" in without else without


def near_key(text: str) -> str:
    """What is left of a text without case, white space, links and punctuation.

    Two texts with the same key are near-duplicates. A text of nothing but links or punctuation
    is its own key.
    """
    if text.isascii():
        return strip_links(text).encode().translate(_LOWER, _NOT_WORD).decode() or text
    plain = strip_links(unicodedata.normalize("NFKC", text))
    return _SEPARATORS.sub("", plain).casefold() or text
