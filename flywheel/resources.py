"""Files that travel with the package: prompts and the default settings."""

from pathlib import Path

_INSTALLED = Path(__file__).parent / "_resources"
_REPOSITORY = Path(__file__).parent.parent


def resource_path(name: str) -> Path:
    """Where `prompts/…` or `config/…` is: in the installed package, else in the repository."""
    installed = _INSTALLED / name
    return installed if installed.exists() else _REPOSITORY / name


def resource_text(name: str) -> str:
    """What the file says."""
    return resource_path(name).read_text("utf-8")
