"""Read the settings: the defaults, a YAML file over them, the environment over both."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flywheel.errors import SettingsError
from flywheel.resources import resource_text
from flywheel.settings.catalogue import Catalogue
from flywheel.settings.environment import Overlay, home_folder, secrets_from
from flywheel.settings.problems import Describer, take_out_secrets
from flywheel.settings.sections import Settings
from flywheel.settings.yaml_file import parse_settings, read_settings_file

PACKAGED = "config/config.yaml"


def load_settings(
    config_file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings in force.

    The file is `config_file`, else the one that FLYWHEEL_CONFIG names, else config.yaml in
    FLYWHEEL_HOME, else the packaged default. Raises SettingsError with one line per fault.
    """
    home = home_folder(environ)
    name, data = _file_settings(config_file, environ, home)
    place = f"in {name}"
    catalogue = Catalogue(Settings, leave_out=("home", "secrets"))
    problems = take_out_secrets(data, place, catalogue)
    # A section whose keys are all commented out is None in YAML; its defaults hold.
    data = {section: value for section, value in data.items() if value is not None}
    overlay = Overlay(environ, catalogue)
    overlay.apply(data)
    problems += overlay.problems

    describer = Describer(catalogue, place, overlay.variable_of)
    problems += describer.switches(data)
    if "home" in data:
        problems.append(f"home {place} is not read from a file; set FLYWHEEL_HOME.")
    data["home"] = home
    data["secrets"] = secrets_from(environ)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems += describer.validation(error)
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return settings


def _file_settings(
    config_file: Path | None, environ: Mapping[str, str], home: Path
) -> tuple[str, dict[str, Any]]:
    """The file's name for messages, and what it holds."""
    if config_file is not None:
        return str(config_file), read_settings_file(config_file)
    if named := environ.get("FLYWHEEL_CONFIG"):
        try:
            return named, read_settings_file(Path(named).expanduser())
        except SettingsError as error:
            raise SettingsError(error.message, "FLYWHEEL_CONFIG names this file.") from None
    if (own := home / "config.yaml").exists():
        return str(own), read_settings_file(own)
    return PACKAGED, parse_settings(resource_text(PACKAGED), PACKAGED)
