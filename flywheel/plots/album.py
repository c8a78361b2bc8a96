"""All pictures of a run."""

from collections.abc import Callable, Collection

from flywheel.plots.classes import draw_classes
from flywheel.plots.confusion import draw_confusion
from flywheel.plots.cost import draw_cost
from flywheel.plots.export import png, svg
from flywheel.plots.page import Drawing
from flywheel.plots.picture import LeftOut, Picture, PictureName, Pictures
from flywheel.plots.scores import draw_scores
from flywheel.plots.style import drawing
from flywheel.views import RunView

_PICTURES: dict[PictureName, Callable[[RunView], Drawing | LeftOut]] = {
    "scores": draw_scores,
    "cost": draw_cost,
    "confusion": draw_confusion,
    "classes": draw_classes,
}


def draw(view: RunView, only: Collection[PictureName] = tuple(_PICTURES)) -> Pictures:
    """Every picture that there is data for, and why the others are left out.

    The same view gives the same bytes, with the same version of matplotlib.
    """
    drawn: list[Picture] = []
    left_out: list[LeftOut] = []
    with drawing():
        for name, draw_one in _PICTURES.items():
            if name not in only:
                continue
            result = draw_one(view)
            if isinstance(result, LeftOut):
                left_out.append(result)
            else:
                drawn.append(Picture(name, result.title, result.alt, png(result), svg(result)))
    return Pictures(drawn, left_out)
