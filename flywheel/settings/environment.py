"""Settings from environment variables: `FLYWHEEL_<SECTION>__<KEY>`, and the secrets."""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from flywheel.settings.catalogue import Catalogue
from flywheel.settings.sections import Secrets

PREFIX = "FLYWHEEL_"
SECRET_VARIABLES = {
    "slack_bot_token": "SLACK_BOT_TOKEN",
    "slack_app_token": "SLACK_APP_TOKEN",
    "slack_signing_secret": "SLACK_SIGNING_SECRET",
    "redis_url": "FLYWHEEL_REDIS_URL",
    "database_url": "FLYWHEEL_DATABASE_URL",
    "llm_judge_api_key": "FLYWHEEL_LLM_JUDGE_API_KEY",
    "served_api_key": "FLYWHEEL_SERVED_API_KEY",
    "embedding_api_key": "FLYWHEEL_EMBEDDING_API_KEY",
    "insights_api_key": "FLYWHEEL_INSIGHTS_API_KEY",
    "nemo_platform_token": "FLYWHEEL_NEMO_PLATFORM_TOKEN",
    "nemo_api_key": "FLYWHEEL_NEMO_API_KEY",
    "nvidia_api_key": "NVIDIA_API_KEY",
    "receipt_key": "FLYWHEEL_RECEIPT_KEY",
    "api_keys": "FLYWHEEL_API_KEYS",
}
OTHER_VARIABLES = ("FLYWHEEL_HOME", "FLYWHEEL_CONFIG", "FLYWHEEL_SHARED_DATA")

# Kubernetes puts the address of every service into the pod: a service called "flywheel" or
# "flywheel-api" makes FLYWHEEL_SERVICE_HOST, FLYWHEEL_API_PORT_8000_TCP_ADDR and so on.
_KUBERNETES = re.compile(
    r"FLYWHEEL_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)


def home_folder(environ: Mapping[str, str]) -> Path:
    """Where local state lives: FLYWHEEL_HOME, or .flywheel in the user's home."""
    return Path(environ.get("FLYWHEEL_HOME") or "~/.flywheel").expanduser().absolute()


def secrets_from(environ: Mapping[str, str]) -> Secrets:
    """The secrets; a variable that is set to nothing is not set."""
    found = {key: environ[name] for key, name in SECRET_VARIABLES.items() if environ.get(name)}
    return Secrets.model_validate(found)


def variables_of(secrets: Secrets, names: Iterable[str]) -> dict[str, str]:
    """The secrets of those names that are set, as variables for a process that needs them."""
    found = {name: getattr(secrets, name) for name in names}
    return {
        SECRET_VARIABLES[name]: secret.get_secret_value()
        for name, secret in found.items()
        if secret is not None
    }


def variable_for(path: tuple[str, ...]) -> str:
    """The variable that sets the key at `path`."""
    return PREFIX + "__".join(path).upper()


def decode(text: str) -> Any:
    """A value as people write it in a shell: JSON for lists and mappings, 'null' or nothing.

    Numbers and truth values stay text; the models read them. Raises ValueError on bad JSON.
    """
    stripped = text.strip()
    if stripped.lower() in {"", "null"}:
        return None
    return json.loads(stripped) if stripped[0] in "[{" else stripped


class Overlay:
    """The values that the environment lays over the file, and the variable each came from."""

    def __init__(self, environ: Mapping[str, str], catalogue: Catalogue) -> None:
        self.problems: list[str] = []
        self._types = catalogue.types
        self._values: dict[tuple[str, ...], Any] = {}
        known = {variable_for(path): path for path in catalogue.paths()}
        for name in sorted(environ):
            if name in known:
                self._read(name, known[name], environ[name])
            elif name.startswith(PREFIX) and not _known_otherwise(name):
                self.problems.append(_unknown(name, list(known)))

    def _read(self, name: str, path: tuple[str, ...], text: str) -> None:
        types = self._types(path)
        if not text.strip() and "null" not in types:
            if "array" in types:
                self._values[path] = []
            return  # set to nothing is not set, as with every other program
        try:
            self._values[path] = decode(text)
        except ValueError as error:
            place = f" (column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            self.problems.append(f"{name} starts like JSON but is not valid JSON{place}.")

    def apply(self, data: dict[str, Any]) -> None:
        """Lay the values over `data`, in place: sections are merged, everything else replaced."""
        for path in sorted(self._values, key=len):  # a whole section before its single keys
            _set(data, path, self._values[path])

    def variable_of(self, path: tuple[str | int, ...]) -> str | None:
        """The variable that set the value at `path`, or None where the file did."""
        for length in range(len(path), 0, -1):
            head = tuple(str(part) for part in path[:length])
            if head in self._values and _reaches(self._values[head], path[length:]):
                return variable_for(head)
        return None


def _set(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *sections, key = path
    for section in sections:
        if data.get(section) is None:
            data[section] = {}
        if not isinstance(data[section], dict):
            return  # the file holds something else there, which is reported on its own
        data = data[section]
    if isinstance(value, dict) and isinstance(data.get(key), dict):
        data[key] = {**data[key], **value}
    else:
        data[key] = value


def _reaches(value: Any, rest: tuple[str | int, ...]) -> bool:
    """Whether `value` holds the place `rest`; a missing last key counts as its holder's."""
    for position, part in enumerate(rest):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return position == len(rest) - 1 and position > 0
    return True


def _known_otherwise(name: str) -> bool:
    return (
        name in OTHER_VARIABLES
        or name in SECRET_VARIABLES.values()
        or _KUBERNETES.fullmatch(name) is not None
    )


def _unknown(name: str, known: list[str]) -> str:
    secret = SECRET_VARIABLES.get(name.removeprefix(PREFIX + "SECRETS__").lower())
    if secret and secret != name:
        return f"{name} is not a setting; set {secret} instead."
    others = [*known, *OTHER_VARIABLES, *SECRET_VARIABLES.values()]
    by_rest = {other.removeprefix(PREFIX): other for other in others}
    close = get_close_matches(name.removeprefix(PREFIX), by_rest, n=1, cutoff=0.6)
    if close:
        return f"{name} is not a setting; did you mean {by_rest[close[0]]}?"
    return f"{name} is not a setting; it would be {PREFIX}<SECTION>__<KEY>."
