"""When two requests are the same: letter by letter, or nearly."""

import re
import unicodedata

_LINK = re.compile(r"(?:https?://|www\.)\S+|\b(?:[\w-]+\.)+[a-z]{2,}/\S*", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\W_]+")


def strip_links(text: str) -> str:
    """The text without web addresses."""
    return _LINK.sub(" ", text)


def near_key(text: str) -> str:
    """What is left of a text without case, white space, links and punctuation.

    Two texts with the same key are near-duplicates. A text of nothing but links or punctuation
    is its own key.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _SEPARATORS.sub("", strip_links(plain)).casefold() or text
