"""What a picture of a run is, for those who show it."""

from typing import Literal, NamedTuple

PictureName = Literal["scores", "cost", "confusion", "classes"]


class Picture(NamedTuple):
    """One picture as PNG (1,600 pixels wide) and SVG (8 inches), the same in both."""

    name: PictureName
    title: str
    alt: str  # one or two plain sentences with the numbers, for those who do not see it
    png: bytes
    svg: bytes


class LeftOut(NamedTuple):
    """A picture that the run has no data for."""

    name: PictureName
    reason: str  # one sentence


class Pictures(NamedTuple):
    """The pictures of a run, and those that it does not have."""

    drawn: list[Picture]
    left_out: list[LeftOut]
