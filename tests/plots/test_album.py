"""The files of a run's pictures: of the right kind and size, the same every time."""

import hashlib
import subprocess
import sys
from collections.abc import Mapping

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, given, settings
from matplotlib.figure import Figure

from flywheel.plots.classes import draw_classes
from flywheel.plots.confusion import draw_confusion
from flywheel.plots.cost import draw_cost
from flywheel.plots.picture import LeftOut, Picture, PictureName
from flywheel.plots.scores import draw_scores
from flywheel.plots.style import drawing
from flywheel.views import RunView
from tests.bot.strategies import run_view, run_views
from tests.plots.samples import NASTY, against_incumbent, picture, scored, scores, size, texts

DRAW = (draw_scores, draw_cost, draw_confusion, draw_classes)
NAMES: tuple[PictureName, ...] = ("scores", "cost", "confusion", "classes")

Drawn = Mapping[PictureName, Picture]


def test_a_run_has_four_pictures(drawn: Drawn) -> None:
    assert tuple(drawn) == NAMES
    assert len({one.png for one in drawn.values()}) == 4


@pytest.mark.parametrize("name", NAMES)
def test_both_files_are_of_the_intended_size(drawn: Drawn, name: PictureName) -> None:
    width, height, svg_width, svg_height = size(drawn[name])
    assert (width, svg_width) == (1600, 8 * 72)
    assert 1000 <= height <= 1400
    assert height == pytest.approx(svg_height / 72 * 200, abs=1)


@pytest.mark.parametrize("name", NAMES)
def test_title_and_description_are_in_the_files(drawn: Drawn, name: PictureName) -> None:
    one = drawn[name]
    svg = one.svg.decode()
    assert f"<title>{one.title}</title>" in svg
    assert f"<desc>{one.alt}</desc>" in svg
    assert one.title.encode() in one.png
    # The title stands in the picture as well, and what it is of.
    assert one.title in " ".join(texts(one))
    assert "r-12 · news_classifier · 400 held-out records" in " ".join(texts(one))


@pytest.mark.parametrize("name", NAMES)
def test_the_alt_text_is_short_and_plain(drawn: Drawn, name: PictureName) -> None:
    alt = drawn[name].alt
    assert "r-12" in alt
    assert len(alt) < 700
    assert alt.endswith(".")
    assert "\n" not in alt


AGAIN = """
import hashlib, sys
import flywheel.cli.main, flywheel.service.pictures
assert "matplotlib" not in sys.modules  # slow to import, and only for those who draw
import matplotlib
matplotlib.rcParams["font.size"] = 30  # as somebody's matplotlibrc might say
from flywheel.plots.album import draw
from tests.bot.strategies import run_view
from tests.plots.samples import scored
assert "matplotlib.pyplot" not in sys.modules
view = run_view(candidates=(scored("tfidf-svm", 0.9, cost="0.004"),
                            scored("hashing-sgd", 0.7, cost="0.001")))
for picture in draw(view).drawn:
    print(hashlib.sha256(picture.png + picture.svg).hexdigest())
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams["font.size"] == 30
"""


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes_in_another_process(drawn: Drawn) -> None:
    done = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True, check=True)
    digests = [hashlib.sha256(p.png + p.svg).hexdigest() for p in drawn.values()]
    assert done.stdout.split() == digests


def test_nothing_of_the_settings_of_matplotlib_is_changed() -> None:
    before = dict(mpl.rcParams)
    with drawing():
        assert mpl.rcParams["svg.fonttype"] == "none"
    assert dict(mpl.rcParams) == before


def fits(figure: Figure) -> bool:
    """Whether everything that is drawn lies on the page."""
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    rounding = 0.001  # inches
    at_least, at_most = min(box.x0, box.y0), max(box.x1 - width, box.y1 - height)
    return bool(at_least >= -rounding and at_most <= rounding)


def classes(n: int) -> list[str]:
    return [f"class {i} of {n}" for i in range(n)]


def nasty() -> RunView:
    """Names that break pictures, as names of everything."""
    labels = NASTY[:10]
    found = scores(0.8, labels, [3 * i for i in range(10)], [30] * 10, more=["(no label)"])
    candidates = tuple(scored(name, 0.9 - 0.05 * i, found) for i, name in enumerate(NASTY))
    return run_view(candidates=candidates, workload_id=NASTY[1])


def many() -> RunView:
    """200 candidates, 200 classes."""
    found = scores(0.8, classes(200), [i % 50 for i in range(200)], [50] * 200)
    return run_view(candidates=tuple(scored(f"candidate {i}", 0.8, found) for i in range(200)))


EXTREMES = {
    "names": nasty(),
    "many": many(),
    "one": run_view(candidates=(scored("a", of=scores(1.0, ["A"], [1], [1])),)),
    "a long incumbent": against_incumbent(("A", 0.1, "same"), reference=NASTY[1]),
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("draw_one", DRAW)
def test_the_layout_holds(name: str, draw_one: type) -> None:
    with drawing():
        found = draw_one(EXTREMES[name])
        assert not isinstance(found, LeftOut)
        assert fits(found.figure)
        assert tuple(found.figure.get_size_inches() >= (8, 5)) == (True, True)
        assert found.figure.get_figheight() < 10


def test_names_are_shown_letter_by_letter(capfd: pytest.CaptureFixture[str]) -> None:
    shown = texts(picture(draw_scores, run_view(candidates=tuple(map(scored, NASTY[3:10])))))
    for name in (*NASTY[3:9], "abc d e"):
        assert name in shown
    assert all(text == text.strip() for text in shown)  # SVG drops spaces at the ends
    assert capfd.readouterr() == ("", "")  # no word of characters that the font does not have


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(run_views())
def test_any_run_is_drawn_or_the_reason_is_said(view: RunView) -> None:
    with drawing():
        for draw_one in DRAW:
            found = draw_one(view)
            if isinstance(found, LeftOut):
                assert len(found.reason.split()) > 3
                assert found.reason.endswith(".")
            else:
                assert fits(found.figure)
                assert found.alt.endswith(".")
