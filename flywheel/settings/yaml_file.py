"""Read a settings file: plain YAML, each key once; every fault is one sentence with its line."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from flywheel.errors import SettingsError


def read_settings_file(path: Path) -> dict[str, Any]:
    """The top-level mapping in the file at `path`. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"The settings file {path} does not exist.") from None
    except IsADirectoryError:
        raise SettingsError(f"{path} is a folder, not a settings file.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"The settings file {path} is not UTF-8 text.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    return parse_settings(text, str(path))


def parse_settings(text: str, name: str) -> dict[str, Any]:
    """The top-level mapping in YAML `text`; `name` is the file in messages."""
    try:
        data = yaml.load(text, _UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        raise SettingsError(_one_sentence(error, name)) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SettingsError(f"{name} is not valid YAML.") from None
    if data is None:
        raise SettingsError(f"{name} is empty.", "Without a settings file the defaults are used.")
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else "a single value"
        raise SettingsError(f"{name} must hold sections (key: value) at its top, not {found}.")
    return data


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys without a word; here that is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first_lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be a word", problem_mark=key.start_mark
                )
            if key.value in first_lines:
                raise _DuplicateKeyError(key.value, first_lines[key.value], key.start_mark)
            first_lines[key.value] = line
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}


class _DuplicateKeyError(yaml.MarkedYAMLError):
    def __init__(self, key: str, first_line: int, mark: yaml.Mark) -> None:
        super().__init__(problem=f"{key} is already set in line {first_line}", problem_mark=mark)


def _one_sentence(error: yaml.MarkedYAMLError, name: str) -> str:
    """PyYAML's message without its excerpt, which might show a secret."""
    mark = error.problem_mark or error.context_mark
    where = f"{name}, line {mark.line + 1}" if mark else name
    if isinstance(error, _DuplicateKeyError):
        return f"{where}: {error.problem}; keep one of the two."
    if error.problem and "'\\t'" in error.problem:
        return f"{where}: YAML is indented with spaces, and there is a tab."
    return f"{where}: this is not valid YAML ({error.problem or error.context})."
