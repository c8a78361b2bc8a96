"""The page that every picture is drawn on: title, what it shows, room for it, notes."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from flywheel.plots.names import wrapped
from flywheel.plots.style import FAINT, HEIGHT, POINTS, SMALL, TITLE, WIDTH

MARGIN = 18.0
ROOM = WIDTH - 2 * MARGIN
_LEADING = 1.3  # of a line of text, in heights of its type


class Drawing(NamedTuple):
    """A figure with its words; still to be saved."""

    figure: Figure
    title: str
    alt: str


class Page:
    """A figure 8 inches wide with its words set; what is free lies between `bottom` and `top`.

    All lengths are points (1/72 inch), from the lower left corner.
    """

    def __init__(self, title: str, shown: str, notes: Sequence[str], body: float) -> None:
        """Set the words. The page is as high as `body` points need, and 5 inches at least."""
        title_lines = wrapped(title, ROOM, TITLE, bold=True, lines=2)
        shown_lines = wrapped(shown, ROOM, SMALL)
        note_lines = [line for note in notes for line in wrapped(note, ROOM, SMALL)]
        above = MARGIN + _LEADING * (TITLE * len(title_lines) + SMALL * len(shown_lines)) + 8
        below = MARGIN + _LEADING * SMALL * len(note_lines) + (6 if note_lines else 0)
        self.height = max(HEIGHT, above + body + below)
        self.figure = Figure(figsize=(WIDTH / POINTS, self.height / POINTS))
        y = self.height - MARGIN
        y = self._lines(title_lines, y, TITLE, weight="bold")
        self._lines(shown_lines, y, SMALL, color=FAINT)
        self.top, self.bottom = self.height - above, below
        self._lines(note_lines, below - 6, SMALL, color=FAINT)

    def axes(self, left: float, bottom: float, right: float, top: float) -> Axes:
        """Axes between these edges, with a line at their foot only."""
        axes = self.figure.add_axes(
            (
                left / WIDTH,
                bottom / self.height,
                (right - left) / WIDTH,
                (top - bottom) / self.height,
            )
        )
        axes.spines[["left", "right", "top"]].set_visible(False)
        return axes

    def canvas(self) -> Axes:
        """The whole page as axes without lines, whose units are points: for words and keys."""
        axes = self.axes(0, 0, WIDTH, self.height)
        axes.set_axis_off()
        axes.set(xlim=(0, WIDTH), ylim=(0, self.height))
        return axes

    def legend(self, handles: Sequence[Line2D]) -> None:
        """What the marks mean, in one line at the top of what is free."""
        self.figure.legend(
            handles=list(handles),
            loc="upper left",
            bbox_to_anchor=(MARGIN / WIDTH, self.top / self.height),
            ncols=len(handles),
            frameon=False,
            fontsize=SMALL,
            borderpad=0,
            borderaxespad=0,
            handletextpad=0.4,
            columnspacing=1.4,
        )

    def _lines(self, lines: Sequence[str], top: float, size: float, **look: str) -> float:
        for line in lines:
            self.figure.text(
                MARGIN / WIDTH,
                top / self.height,
                line,
                size=size,
                va="top",
                **look,  # type: ignore[arg-type] # its stub has no words for weight and colour
            )
            top -= size * _LEADING
        return top
