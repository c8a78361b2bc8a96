"""What one conversation has looked up, and how its tools find what they are asked for."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from flywheel.errors import FlywheelError
from flywheel.insights.facts import Evidence
from flywheel.insights.names import find
from flywheel.insights.subjects import recommended
from flywheel.insights.topic import is_scored
from flywheel.insights.values import Value, Values
from flywheel.insights.wording.checker import Material
from flywheel.views import RunView

_RUN = re.compile(r"\br-\d+\b", re.IGNORECASE)
_MOST_VALUES = 80  # in one result
_LONGEST = 400  # characters of an untrusted text


class ToolError(Exception):
    """What was asked for is not there; one sentence for whoever asked the tool."""


class Found(BaseModel):
    """What a tool gives back: values to refer to, facts in words, and texts that others wrote."""

    values: list[Value] = []
    notes: list[str] = []
    untrusted: list[str] = []


@dataclass(frozen=True)
class Tool:
    """A read-only question with typed arguments."""

    name: str
    arguments: type[BaseModel]
    call: Callable[["Toolbox", Any], Awaitable[Found]]
    doing: str = ""  # shown to whoever waits: 'Looking at scores'

    @property
    def description(self) -> str:
        """What it tells the model of itself."""
        return self.call.__doc__ or self.name


@dataclass
class Call:
    """A tool as it was called."""

    name: str
    arguments: dict[str, Any]
    failed: str | None = None


@dataclass
class Toolbox:
    """Read-only, for one question; keeps every value that it has given out."""

    evidence: Evidence
    question: str
    focus: str | None = None
    values: Values = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    looked_at: set[str] = field(default_factory=set)  # workloads
    calls: list[Call] = field(default_factory=list)
    refused: bool = False  # it has been found that there is no answer
    choices: list[str] = field(default_factory=list)  # of a question back

    async def use(self, tool: Tool, arguments: dict[str, Any]) -> str:
        """Call it; the result as JSON, in which nothing can be taken for an instruction's end.

        A wrong call is answered with what is wrong.
        """
        call = Call(tool.name, arguments)
        self.calls.append(call)
        try:
            found = await tool.call(self, tool.arguments.model_validate(arguments))
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            call.failed = f"{where}: {fault['msg']}"
        except ToolError as error:
            call.failed = str(error)
        except FlywheelError as error:
            call.failed = f"{error.message} {error.hint}".strip()
        if call.failed is not None:
            return json.dumps({"error": call.failed}, ensure_ascii=False)
        return self._told(found)

    def _told(self, found: Found) -> str:
        shown = found.values[:_MOST_VALUES]
        self.values.update({value.id: value for value in shown})
        told: dict[str, Any] = {
            "values": [
                {"ref": f"{{{{v:{v.id}}}}}", "is": v.described, "shown": v.words} for v in shown
            ],
            "notes": found.notes,
        }
        if len(found.values) > len(shown):
            told["left_out"] = "more values; ask for one model or class"
        if found.untrusted:
            told["untrusted_texts"] = [text[:_LONGEST] for text in found.untrusted]
        return json.dumps(told, ensure_ascii=False)

    def material(self) -> Material:
        """What an answer may speak of by now."""
        asked = {run.lower() for run in _RUN.findall(self.question)}  # also one that there is not
        names = sorted(self.names | asked)
        looked_up = any(call.failed is None for call in self.calls)
        return Material(self.values, names, sorted(self.models), self.question, looked_up)

    # --- finding what is meant ---------------------------------------------------------------

    async def run(self, ref: str | None) -> RunView:
        """The run that is meant; without a name the conversation's, else the last with scores."""
        wanted = (ref or self.focus or "").strip().lower()
        if wanted and wanted not in {"last", "latest"}:
            found = await self.evidence.run(wanted if wanted.startswith("r-") else f"r-{wanted}")
            if found is None:
                raise ToolError(f"There is no run {ref or self.focus}; `find` lists some.")
            return self.know(found)
        runs = await self.evidence.runs()
        chosen = next(iter(runs if wanted else filter(is_scored, runs)), None)
        if chosen is None:
            raise ToolError("There is no such run yet.")
        return self.know(chosen)

    async def workload(self, name: str) -> str:
        """The workload that is meant. Raises ToolError."""
        names = await self.workloads()
        found = find(name.lower().split(), names, by_parts=True).names
        if len(found) != 1:
            raise ToolError(f"No workload is called '{name[:80]}'; there are: {_listed(names)}.")
        return found[0]

    async def workloads(self) -> list[str]:
        """All that who asks may see."""
        logged = {summary.workload_id for summary in await self.evidence.workloads()}
        names = sorted(logged | {run.workload_id for run in await self.evidence.runs()})
        self.names.update(names)
        return names

    def model(self, run: RunView, name: str | None) -> str:
        """The candidate that is meant; without a name the recommended, else the best one."""
        names = [candidate.model_name for candidate in run.nims]
        if name is None:
            chosen = recommended(run)
            if chosen is None:
                raise ToolError(f"{run.id} is {run.status} and has no scores.")
            return chosen.name
        found = find(name.lower().split(), names, by_parts=True).names
        if len(found) != 1:
            raise ToolError(f"{run.id} has no model '{name[:80]}'; it has: {_listed(names)}.")
        return found[0]

    def label(self, run: RunView, name: str) -> str:
        """The class that is meant."""
        labels = list(run.dataset_report.classes) if run.dataset_report else []
        found = find(name.lower().split(), labels, by_parts=True).names
        if len(found) != 1:
            raise ToolError(f"{run.id} has no class '{name[:80]}'; it has: {_listed(labels)}.")
        return found[0]

    def know(self, run: RunView) -> RunView:
        """From now on an answer may name the run and what belongs to it."""
        self.looked_at.add(run.workload_id)
        self.names.update({run.id, run.workload_id, run.requested_by})
        models = {candidate.model_name for candidate in run.nims}
        models |= {run.teacher.model_name} if run.teacher else set()
        models |= {run.compared.name} if run.compared else set()
        self.models |= models
        self.names |= models
        self.names.update(run.dataset_report.classes if run.dataset_report else ())
        scored = [c.customized.tools for c in run.nims if c.customized and c.customized.tools]
        self.names.update(tool.tool for tools in scored for tool in tools.per_tool)
        return run


def _listed(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:20]) or "none"
