"""Which keys there are and what each may be, in words, read off the models' JSON schema."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel

Part = str | int
Path = tuple[Part, ...]  # e.g. ("nims", 0, "tag")
Schema = dict[str, Any]

_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section with keys",
    "string": "text",
}
_BOUNDS = {
    "minimum": "of at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


@cache
def _schema(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()  # takes milliseconds


class Catalogue:
    """The keys of one model; `leave_out` names top-level keys that people do not set there."""

    def __init__(self, model: type[BaseModel], leave_out: Sequence[str] = ()) -> None:
        schema = _schema(model)
        self._definitions: dict[str, Schema] = schema.get("$defs", {})
        self._root: Schema = {
            **schema,
            "properties": {k: v for k, v in schema["properties"].items() if k not in leave_out},
        }

    def knows(self, path: Path) -> bool:
        """Whether there is such a key."""
        return self._find(path) is not None

    def keys(self, path: Path) -> list[str]:
        """The keys of the section at `path`; none where it is no section."""
        return list(self._properties(self._find(path) or {}))

    def paths(self) -> list[tuple[str, ...]]:
        """Every key that can be named without an index into a list, sections among them."""
        return list(self._walk(self._root, ()))

    def allowed(self, path: Path) -> str:
        """What the value may be: 'a whole number of at least 1 or null'."""
        schema = self._find(path)
        if schema is None:
            return "something else"
        phrase = " or ".join(dict.fromkeys(map(self._phrase, self._options(schema))))
        return f"{phrase}, or null" if _nullable(schema) else phrase

    def types(self, path: Path) -> set[str]:
        """The JSON types that the value may have, e.g. {'integer', 'null'}."""
        schema = self._find(path) or {}
        types = {self._resolved(option).get("type", "object") for option in self._options(schema)}
        return types | {"null"} if _nullable(schema) else types

    def nearest(self, path: Path) -> tuple[Part, ...] | None:
        """The key that somebody who wrote `path` most likely meant."""
        *parent, last = path
        siblings = self.keys(tuple(parent))
        if close := _closest(str(last), siblings):
            return (*parent, close)
        if any(isinstance(part, int) for part in parent):
            return None
        elsewhere = {known[-1]: known for known in self.paths()}
        close = _closest(str(last), list(elsewhere), cutoff=0.85)
        return elsewhere[close] if close else None

    def _find(self, path: Path) -> Schema | None:
        schema = self._root
        for part in path:
            child = self._child(schema, part)
            if child is None:
                return None
            schema = child
        return schema

    def _child(self, schema: Schema, part: Part) -> Schema | None:
        for option in map(self._resolved, self._options(schema)):
            child = option.get("items") if isinstance(part, int) else None
            if isinstance(part, str):
                child = option.get("properties", {}).get(part) or _entries(option)
            if child is not None:
                return dict(child)
        return None

    def _walk(self, schema: Schema, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for key, child in self._properties(schema).items():
            yield (*path, key)
            yield from self._walk(child, (*path, key))

    def _properties(self, schema: Schema) -> dict[str, Schema]:
        for option in map(self._resolved, self._options(schema)):
            if "properties" in option:
                return dict(option["properties"])
        return {}

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref")
        return self._definitions[reference.rpartition("/")[2]] if reference else schema

    def _options(self, schema: Schema) -> list[Schema]:
        options = [o for o in schema.get("anyOf", [schema]) if o.get("type") != "null"]
        numbers = [o for o in options if o.get("type") == "number"]  # a Decimal may also be text
        return numbers or options

    def _phrase(self, schema: Schema) -> str:
        schema = self._resolved(schema)
        if "const" in schema:
            return str(schema["const"])
        if "enum" in schema:
            return "one of " + ", ".join(map(str, schema["enum"]))
        kind = schema.get("type", "string")
        return _KINDS[kind] + _bounds(schema)


def _nullable(schema: Schema) -> bool:
    return any(option.get("type") == "null" for option in schema.get("anyOf", []))


def _entries(schema: Schema) -> Schema | None:
    """The schema of a mapping's values, where the keys are free (`prices.models`)."""
    entries = schema.get("additionalProperties")
    return entries if isinstance(entries, dict) else None


def _bounds(schema: Schema) -> str:
    if schema.get("minItems"):
        return " with at least one entry"
    parts = [f"{words} {_plain(schema[key])}" for key, words in _BOUNDS.items() if key in schema]
    return " " + " and ".join(parts) if parts else ""


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _closest(word: str, known: list[str], cutoff: float = 0.6) -> str | None:
    return next(iter(get_close_matches(word.lower(), known, n=1, cutoff=cutoff)), None)
