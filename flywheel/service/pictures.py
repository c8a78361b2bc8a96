"""Pictures of a run, for every skin: drawn, and written to files."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from flywheel.plots.picture import LeftOut, Pictures
from flywheel.views import RunView


class WrittenPictures(NamedTuple):
    """The files that were written, and the pictures that the run has no data for."""

    files: list[Path]
    left_out: list[LeftOut]


async def pictures_of(view: RunView) -> Pictures:
    """Scores, cost, confusion and classes as PNG and SVG, each with an alt text.

    A picture that the run has no data for is left out, with a sentence that says why.
    """
    return await asyncio.to_thread(_draw, view)


async def write_pictures(view: RunView, folder: Path) -> WrittenPictures:
    """Write them to `folder`, which is made: r-12-scores.png, r-12-scores.svg and so on.

    Raises InvalidInputError where that is not possible.
    """
    return await asyncio.to_thread(_write, view, folder)


def _draw(view: RunView) -> Pictures:
    from flywheel.plots.album import draw  # only here: matplotlib is slow to import

    return draw(view)


def _write(view: RunView, folder: Path) -> WrittenPictures:
    from flywheel.plots.export import write

    pictures = _draw(view)
    return WrittenPictures(write(pictures, view.id, folder), pictures.left_out)
