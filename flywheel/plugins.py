"""What packages above flywheel add to it; flywheel itself imports none of them."""

from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points

import typer

from flywheel.settings import Settings
from flywheel.views import PartStatus

Register = Callable[[typer.Typer], None]
Check = Callable[[Settings], Awaitable[PartStatus]]


def commands() -> list[Register]:
    """Functions that add commands to the command line (group `flywheel.commands`)."""
    return [point.load() for point in entry_points(group="flywheel.commands")]


def checks() -> list[Check]:
    """Functions that add a line to `flywheel doctor` (group `flywheel.checks`)."""
    return [point.load() for point in entry_points(group="flywheel.checks")]
