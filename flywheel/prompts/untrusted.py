"""Data that is not ours, set apart from the prompt around it."""

import json
import re
import unicodedata

from pydantic_core import PydanticSerializationError, to_jsonable_python

from flywheel.prompts.files import PromptError

OPENING, CLOSING = "<untrusted>", "</untrusted>"

_NOT_PLAIN = re.compile(r"[^ -;=?-~]")  # neither printable ASCII, nor a bracket of a marker


def untrusted(value: object) -> str:
    """The value as JSON on one line between markers that nothing in it can close.

    Every '<' and '>' in it, and every character that a reader may take for one, is written as an
    escape sequence, and so is everything that cannot be seen. Raises PromptError for a value that
    JSON has no form for.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, default=to_jsonable_python)
    except (TypeError, ValueError, RecursionError, PydanticSerializationError) as error:
        raise PromptError(
            f"A value of type {type(value).__name__} cannot be rendered as JSON."
        ) from error
    return f"{OPENING}{_NOT_PLAIN.sub(_escaped, text)}{CLOSING}"


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable() and not set("<>") & set(unicodedata.normalize("NFKD", character)):
        return character
    return json.dumps(character)[1:-1] if not character.isascii() else f"\\u{ord(character):04x}"
