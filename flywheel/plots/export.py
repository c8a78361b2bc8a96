"""From figures to files."""

from html import escape
from io import BytesIO
from pathlib import Path

from flywheel.errors import InvalidInputError
from flywheel.plots.page import Drawing
from flywheel.plots.picture import Pictures
from flywheel.plots.style import DPI


def png(drawing: Drawing) -> bytes:
    """The figure in pixels, with title and description; the same figure gives the same bytes."""
    words = {"Title": drawing.title, "Description": drawing.alt}
    file = BytesIO()
    drawing.figure.savefig(file, format="png", dpi=DPI, metadata={**words, "Software": None})
    return file.getvalue()


def svg(drawing: Drawing) -> bytes:
    """The figure as SVG; the same figure gives the same bytes.

    Title and description stand where programs that read pictures aloud look for them.
    """
    # Without the date and the version of matplotlib, which would make the bytes differ.
    words = {"Title": drawing.title, "Date": None, "Creator": None}
    file = BytesIO()
    drawing.figure.savefig(file, format="svg", metadata=words)
    described = f"</title>\n <desc>{escape(drawing.alt, quote=False)}</desc>"
    return file.getvalue().decode().replace("</title>", described, 1).encode()


def write(pictures: Pictures, prefix: str, folder: Path) -> list[Path]:
    """Write `folder`/`prefix`-NAME.png and .svg, over what is there; the folder is made.

    Raises InvalidInputError where that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for picture in pictures.drawn:
            for ending, content in (("png", picture.png), ("svg", picture.svg)):
                path = folder / f"{prefix}-{picture.name}.{ending}"
                path.write_bytes(content)
                written.append(path)
    except OSError as error:
        raise InvalidInputError(
            f"The pictures cannot be written to {folder}: {error.strerror}.",
            "--plots names a folder that you may write to.",
        ) from error
    return written
