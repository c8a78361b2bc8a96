"""What is wrong with settings, one line each: where, what, and what would be right."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flywheel.settings.catalogue import Catalogue, Path
from flywheel.settings.environment import SECRET_VARIABLES

# Names under which people keep secrets, and values that give themselves away as one.
_SECRET_KEY = re.compile(
    r"(.*_)?(api_?key|access_key|private_key|tokens?|secrets?|password|passwd|credentials?)"
)
_SECRET_VALUE = re.compile(
    r"\b(?:xox[a-z]-|xapp-|nvapi-|sk-|hf_|ghp_)[\w-]{8,}|://[^/@\s]*:[^/@\s]*@", re.IGNORECASE
)
_LONGEST_VALUE = 40

Origin = Callable[[Path], str | None]


class Describer:
    """Writes the lines, for one source of values.

    `place` ends the key's name where the value came from a file ("in config.yaml"); `variable`
    gives the environment variable that set a key, or None.
    """

    def __init__(self, catalogue: Catalogue, place: str, variable: Origin) -> None:
        self._catalogue = catalogue
        self._place = place
        self._variable = variable

    def validation(self, error: ValidationError) -> list[str]:
        """One line per error that pydantic found."""
        return [self._line(details) for details in error.errors(include_url=False)]

    def switches(self, data: object, path: Path = ()) -> Iterator[str]:
        """Lines for true and false where a number is due: pydantic would read 1 and 0."""
        for child, value in _children(data):
            where = (*path, child)
            types = self._catalogue.types(where)
            if isinstance(value, bool) and types & {"integer", "number"}:
                yield self._wrong(where, value)
            yield from self.switches(value, where)

    def _line(self, details: ErrorDetails) -> str:
        path = details["loc"]
        if details["type"] == "extra_forbidden":
            return self._unknown(path)
        if details["type"] == "missing":
            return f"{self._name(path)} is missing; it must be {self._catalogue.allowed(path)}."
        if details["type"] == "value_error":
            return f"{self._name(path)}: {details['ctx']['error']}."
        if not self._catalogue.knows(path) and self._catalogue.knows(path[:-1]):
            path = path[:-1]  # one of several types that the value may have
        return self._wrong(path, details["input"])

    def _unknown(self, path: Path) -> str:
        nearest = self._catalogue.nearest(path)
        if nearest:
            return f"{self._name(path)} is not a setting; did you mean {dotted(nearest)}?"
        keys = ", ".join(self._catalogue.keys(path[:-1]))
        return f"{self._name(path)} is not a setting; there are: {keys}."

    def _wrong(self, path: Path, value: object) -> str:
        allowed = self._catalogue.allowed(path)
        quotes = "; put it into quotes" if allowed.startswith("text") and _bare(value) else ""
        return f"{self._name(path)} must be {allowed}, not {shown(value)}{quotes}."

    def _name(self, path: Path) -> str:
        variable, key = self._variable(path), dotted(path)
        if variable in {None, key}:
            return f"{key} {self._place}" if variable is None else key
        return f"{variable} ({key})"


def take_out_secrets(data: Any, place: str, catalogue: Catalogue, path: Path = ()) -> list[str]:
    """Remove what looks like a secret from a file's `data`; a line for each, without its value."""
    lines = []
    for child, value in list(_children(data)):
        where = (*path, child)
        is_secret = (not catalogue.knows(where) and _is_secret_key(child)) or (
            isinstance(value, str) and _SECRET_VALUE.search(value)
        )
        if not is_secret:
            lines += take_out_secrets(value, place, catalogue, where)
            continue
        if isinstance(child, int):
            data[child] = ""  # the entries after it keep their numbers
        else:
            del data[child]
        lines.append(
            f"{dotted(where)} {place} looks like a secret: take it out of the file and "
            f"use the environment{_variable_of_secret(child)}."
        )
    return lines


def dotted(path: Path) -> str:
    """A path as people write it: 'nims[0].customizer_configs.target'."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = f'"{part}"' if "." in part else part
            text += f".{name}" if text else name
    return text


def shown(value: object) -> str:
    """A wrong value as a message may show it: short, and never where it looks like a secret."""
    if isinstance(value, str):
        return _shown_text(value)
    if isinstance(value, dict | list):
        kind = "a section" if isinstance(value, dict) else "a list"
        return kind if value else "an empty one"
    return {"None": "empty", "True": "true", "False": "false"}.get(str(value), str(value))


def _shown_text(text: str) -> str:
    if _SECRET_VALUE.search(text):
        return "the text it has"
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= _LONGEST_VALUE else f'"{line[: _LONGEST_VALUE - 1]}…"'


def _is_secret_key(key: str | int) -> bool:
    name = str(key).lower()
    return name in SECRET_VARIABLES or _SECRET_KEY.fullmatch(name) is not None


def _variable_of_secret(key: str | int) -> str:
    if key == "secrets":
        return f" ({', '.join(SECRET_VARIABLES.values())})"
    variable = SECRET_VARIABLES.get(str(key).lower())
    return f" ({variable})" if variable else ""


def _children(data: object) -> Iterator[tuple[str | int, Any]]:
    if isinstance(data, dict):
        yield from data.items()
    elif isinstance(data, list):
        yield from enumerate(data)


def _bare(value: object) -> bool:
    """Whether YAML read a bare word as something other than text, e.g. a tag 1.8 or a date."""
    return isinstance(value, bool | int | float | date)
