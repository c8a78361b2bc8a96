"""One run drawn once, for the tests that only look at its pictures."""

import pytest

from flywheel.plots.album import draw
from flywheel.plots.picture import Picture, PictureName
from tests.bot.strategies import run_view
from tests.plots.samples import scored


@pytest.fixture(scope="session")
def drawn() -> dict[PictureName, Picture]:
    """Two candidates, three classes, a teacher with a price."""
    view = run_view(
        candidates=(
            scored("tfidf-svm", 0.9, cost="0.004"),
            scored("hashing-sgd", 0.7, cost="0.001"),
        )
    )
    pictures = draw(view)
    assert pictures.left_out == []
    return {picture.name: picture for picture in pictures.drawn}
