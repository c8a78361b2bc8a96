"""The middle of a run's summary in the words of a language model, checked like its answers."""

import asyncio
import json
import logging
import re

from flywheel.errors import FlywheelError
from flywheel.insights.subjects import recommended, weakest_classes
from flywheel.insights.summary import summarise, words_left
from flywheel.insights.values import Values, run_values
from flywheel.insights.voice import Voice
from flywheel.insights.wording.checker import Material, problems
from flywheel.insights.wording.references import rendered
from flywheel.views import RunView

log = logging.getLogger(__name__)

# The policy gives the verdict, and people decide.
_JUDGES = re.compile(
    r"\b(?:promot|approv|recommend|reject|take over|switch|should|must|safe to)\w*", re.IGNORECASE
)
_OF_MODEL = (
    "macro_f1 accuracy tool_calls function_names similarity difference records_needed "
    "saving_per_1000 saving_share p95 unparseable"
).split()


async def worded_summary(voice: Voice | None, run: RunView) -> str:
    """The summary; all of it by code where the model has no say, fails, is slow or is refused."""
    said = run.recommendation
    if voice is None or said is None or said.model_name is None:
        return summarise(run)
    values, words = _values(run, said.model_name), words_left(run)
    try:
        async with asyncio.timeout(voice.seconds):
            reply = await voice.model.conversation(voice.system).say(
                _asked(run, said.model_name, values, words)
            )
    except (TimeoutError, FlywheelError) as error:
        log.warning("the summary of %s is written by code: %s", run.id, str(error) or "too slow")
        return summarise(run)
    names = [run.id, run.workload_id, *(c.model_name for c in run.nims), *_labels(run)]
    models = [c.model_name for c in run.nims]
    found = problems(reply.text, Material(values, names, models, ""))
    found += [f"'{match[0]}' judges" for match in _JUDGES.finditer(reply.text)]
    text = "" if found else " ".join(rendered(reply.text, values).split())
    if found or len(text.split()) > words:
        log.warning("the summary of %s is written by code: %s", run.id, found or "too long")
        return summarise(run)
    return summarise(run, text)


def _values(run: RunView, model: str) -> Values:
    """What there is to say of the model that the verdict names."""
    every = run_values(run)
    wanted = [f"{run.id}/{model}/{part}" for part in _OF_MODEL]
    chosen = recommended(run)
    for row in weakest_classes(chosen.scores, 1) if chosen and chosen.scores else ():
        starts = (
            f"{run.id}/{model}/class/{row.label}/f1",
            f"{run.id}/{model}/taken_for/{row.label}/",
        )
        wanted += [key for key in every if key.startswith(starts)][:3]
    return {key: every[key] for key in wanted if key in every}


def _labels(run: RunView) -> list[str]:
    return list(run.dataset_report.classes) if run.dataset_report else []


def _asked(run: RunView, model: str, values: Values, words: int) -> str:
    said = run.recommendation
    verdicts = {one.model_name: one.verdict for one in said.candidates} if said else {}
    told = {
        "run": run.id,
        "model": model,
        "words": words,
        "values": [
            {"ref": f"{{{{v:{v.id}}}}}", "is": v.described, "shown": v.words}
            for v in values.values()
        ],
        "notes": {"reason": said.reason if said else None, "verdicts": verdicts},
    }
    return json.dumps(told, ensure_ascii=False)
