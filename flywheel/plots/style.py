"""The look that all pictures share: colours, sizes of type, matplotlib's settings.

Slack shows a picture 360 to 500 pixels wide. At 480 a point of these 8 inches is 0.83 pixels, so
nothing is set smaller than 11 points, but for three digits in the cells of a large matrix.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from matplotlib import style
from matplotlib.colors import LinearSegmentedColormap

# Masataka Okabe and Kei Ito, Color Universal Design, 2008: told apart with any colour vision.
BLACK = "#000000"
ORANGE = "#E69F00"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
# Greys for what is not data.
INK = "#222222"
FAINT = "#595959"
RULE = "#D9D9D9"
WHITE = "#FFFFFF"

SHARES = LinearSegmentedColormap.from_list("shares", [WHITE, BLUE])  # 0 to 1

POINTS = 72  # per inch
WIDTH = 8 * POINTS
HEIGHT = 5 * POINTS  # at least
DPI = 200

TITLE = 18.0
TEXT = 14.0
SMALL = 12.0
TINY = 11.0

_SETTINGS = {
    "font.family": ["DejaVu Sans", "sans-serif"],  # the first one comes with matplotlib
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT,
    "text.color": INK,
    "text.parse_math": False,  # names are no formulas
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": SMALL,
    "axes.linewidth": 1.0,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "svg.fonttype": "none",  # text stays text: readers, search, and scripts of any language
    "svg.hashsalt": "flywheel",  # else ids are drawn by lot
}
_lock = Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw and save in here: the settings above, whatever a matplotlibrc says.

    matplotlib's settings are those of the whole process, so one thread draws at a time.
    """
    with _lock, style.context(_SETTINGS, after_reset=True), warnings.catch_warnings():
        # What the font does not have is drawn as a framed sign of its script.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield
