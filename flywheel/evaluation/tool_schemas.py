"""Whether the arguments of a call fit the tool that the request offers. Pure: fetches nothing."""

import json
import re
from collections.abc import Sequence
from typing import Any, Literal

Fit = Literal["valid", "unreadable", "unknown tool", "refused", "broken schema"]

# A function without parameters takes none, as OpenAI's reference has it.
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "maxProperties": 0}


class ToolSchemas:
    """Checks arguments, and remembers the schemas it has seen: checking one takes a millisecond."""

    def __init__(self) -> None:
        self._validators: dict[str, Any] = {}  # by schema; None where it is broken

    @property
    def broken(self) -> int:
        """How many different schemas were found broken so far."""
        return sum(validator is None for validator in self._validators.values())

    def fit(self, name: str | None, arguments: dict[str, Any] | None, tools: Sequence[Any]) -> Fit:
        """Whether `tools` (OpenAI's list) has a tool of this name that takes these arguments.

        None stands for a name or arguments that could not be read. References to schemas that
        are elsewhere are not followed; a schema with one is broken.
        """
        if name is None or arguments is None:
            return "unreadable"
        functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
        offered = [f for f in functions if isinstance(f, dict) and f.get("name") == name]
        if not offered:
            return "unknown tool"
        parameters = offered[0].get("parameters")
        return self._apply(_NO_PARAMETERS if parameters is None else parameters, arguments)

    def _apply(self, schema: Any, arguments: dict[str, Any]) -> Fit:
        from referencing.exceptions import Unresolvable

        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            self._validators[key] = _validator(schema)
        validator = self._validators[key]
        if validator is None:
            return "broken schema"
        try:
            return "valid" if validator.is_valid(arguments) else "refused"
        except (Unresolvable, RecursionError, re.error):  # seen only where the schema is applied
            self._validators[key] = None
            return "broken schema"


def _validator(schema: Any) -> Any:
    """A validator of the schema's own draft, else of 2020-12; None where it is no schema."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    if not isinstance(schema, dict) or not isinstance(schema.get("$schema", ""), str):
        return None
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except (SchemaError, RecursionError):
        return None
    return kind(schema, registry=Registry())  # an empty one: the default goes to the network
