"""From a text that was checked to the answer that people see."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from flywheel.insights.phrases import CANNOT_TELL
from flywheel.insights.tools.toolbox import Toolbox
from flywheel.insights.values import Value
from flywheel.insights.wording.references import references, rendered
from flywheel.views import Answer


def worded(text: str, box: Toolbox) -> Answer:
    """With digits, with what has to be said beside them, and with where they come from."""
    cited = [box.values[one] for one in references(text)]
    lines = [rendered(text, box.values), *_remarks(cited, box)]
    sources = list(dict.fromkeys(value.source for value in cited))
    return Answer(
        text="\n".join(lines),
        sources=sources or _looked_at(box),
        evidence=list(dict.fromkeys(value.described for value in cited)),
        refused=box.refused,
        choices=box.choices,
        by="model",
    )


def _remarks(cited: Sequence[Value], box: Toolbox) -> Iterator[str]:
    """That two scores of one run are not known to differ, where a test or intervals say so."""
    for one, other in combinations(cited, 2):
        if not (one.is_score and one.run == other.run and one.measure == other.measure):
            continue
        names = {value.of[0] for value in (one, other) if len(value.of) == 1}
        if len(names) < 2:
            continue
        paired = [v for v in box.values.values() if "/minus/" in v.id and set(v.of) == names]
        if any(v in cited for v in paired):
            continue
        if paired:
            yield f"{paired[0].measure}: {paired[0].shown}."
        elif one.overlaps(other):
            yield f"{' and '.join(v.of[0] for v in (one, other))}: {CANNOT_TELL}."


def _looked_at(box: Toolbox) -> list[str]:
    """Without a number in it: what was looked up for it."""
    return list(dict.fromkeys(value.source for value in box.values.values()))[:5]
