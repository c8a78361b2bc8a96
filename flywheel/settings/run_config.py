"""What one run works with: the configured values, with what its requester asked for merged in."""

import secrets
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from flywheel.errors import SettingsError
from flywheel.settings.catalogue import Catalogue, Path
from flywheel.settings.environment import decode
from flywheel.settings.problems import Describer
from flywheel.settings.sections import RunConfig, Settings

SECTIONS = (
    "data_split_config",
    "evaluation_config",
    "training_config",
    "lora_config",
    "icl_config",
    "student_config",
    "sweep_config",
)
_LARGEST_DRAWN_SEED = 2**31


def merge_run_config(settings: Settings, overrides: Mapping[str, Any]) -> RunConfig:
    """The run's configuration: `settings` with `overrides` laid over single keys.

    A key is `section.key`, the bare key where one section has it (`limit`, `eval_size`,
    `random_seed`, `epochs`…), or `candidates`. None leaves the configured value; the text 'null'
    sets nothing. Text is read as in an environment variable. A seed of nothing is drawn here, so
    that it is stored with the run. Raises SettingsError with one line per fault.
    """
    catalogue = Catalogue(RunConfig, leave_out=("prices",))
    names = _names(catalogue)
    data = _configured(settings)
    given: dict[Path, str] = {}
    problems = []
    for name, value in overrides.items():
        if value is None:
            continue
        if name not in names:
            problems.append(_unknown(name, list(names)))
            continue
        given[names[name]] = name
        try:
            _set(data, names[name], decode(value) if isinstance(value, str) else value)
        except ValueError:
            problems.append(f"{name} starts like JSON but is not valid JSON.")

    describer = Describer(catalogue, "in the settings", lambda path: _given_as(given, path))
    problems += describer.switches(data)
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        problems += describer.validation(error)
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return _settled(config)


def setting_named(name: str) -> str:
    """The setting of a run that has this name, with its section: 'training_config.epochs'.

    Raises SettingsError where there is none.
    """
    names = _names(Catalogue(RunConfig, leave_out=("prices",)))
    if name not in names:
        raise SettingsError(_unknown(name, list(names)))
    return ".".join(names[name])


def whole_numbers(names: Iterable[str]) -> set[str]:
    """Those settings of a run, given with their sections, that are whole numbers."""
    catalogue = Catalogue(RunConfig, leave_out=("prices",))
    return {name for name in names if "integer" in catalogue.types(tuple(name.split(".")))}


def with_parameters(config: RunConfig, parameters: Mapping[str, Any]) -> RunConfig:
    """The configuration with single values changed, each given with its section.

    The values have been checked by `merge_run_config`.
    """
    data = config.model_dump()
    for name, value in parameters.items():
        _set(data, tuple(name.split(".")), value)
    return RunConfig.model_validate(data)


def stored_run_config(stored: Mapping[str, Any]) -> RunConfig:
    """The configuration of a run that another version of flywheel may have stored.

    What that version did not have takes its default; what this one does not have is left out.
    """
    sections: dict[str, Any] = {name: {} for name in (*SECTIONS, "prices")}
    return RunConfig.model_validate({**sections, **stored}, extra="ignore")


def _settled(config: RunConfig) -> RunConfig:
    """With a seed, and with each candidate once."""
    split = config.data_split_config
    if split.random_seed is None:
        split = split.model_copy(update={"random_seed": secrets.randbelow(_LARGEST_DRAWN_SEED)})
    candidates = list(dict.fromkeys(config.candidates))
    return config.model_copy(update={"data_split_config": split, "candidates": candidates})


def _configured(settings: Settings) -> dict[str, Any]:
    data: dict[str, Any] = {name: getattr(settings, name).model_dump() for name in SECTIONS}
    data["prices"] = settings.prices.model_dump()
    data["candidates"] = settings.default_candidates
    return data


def _names(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Every name that an override may have, with the key it means."""
    paths = [path for path in catalogue.paths() if len(path) == 2 or path == ("candidates",)]
    bare = [path[-1] for path in paths]
    names: dict[str, tuple[str, ...]] = {".".join(path): path for path in paths}
    names.update({path[-1]: path for path in paths if bare.count(path[-1]) == 1})
    return names


def _given_as(given: Mapping[Path, str], path: Path) -> str | None:
    """The name under which the requester gave the value at `path`, or a list that holds it."""
    return given.get(path) or given.get(path[:-1])


def _set(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for section in path[:-1]:
        data = data[section]
    data[path[-1]] = value


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"{name} is not a setting of a run; did you mean {close[0]}?"
    sections = ", ".join(SECTIONS)
    return f"{name} is not a setting of a run; those are candidates and the keys of {sections}."
