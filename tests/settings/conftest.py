"""Load settings from a piece of YAML and a given environment, never from this machine's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flywheel.errors import SettingsError
from flywheel.settings import Settings, load_settings

Load = Callable[..., Settings]
Lines = Callable[..., list[str]]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture
def load(config_file: Path, tmp_path: Path) -> Load:
    """`load(yaml, NAME=value…)`"""

    def _load(yaml: str, **environ: str) -> Settings:
        config_file.write_text(yaml, encoding="utf-8")
        return load_settings(config_file, {"FLYWHEEL_HOME": str(tmp_path / "home")} | environ)

    return _load


@pytest.fixture
def lines(load: Load, config_file: Path) -> Lines:
    """The lines of the error, with the file's name shortened to FILE."""

    def _lines(yaml: str, **environ: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            load(yaml, **environ)
        return str(caught.value).replace(str(config_file), "FILE").splitlines()

    return _lines
