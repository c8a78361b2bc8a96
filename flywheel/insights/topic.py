"""What a question is about: the facts at hand, and which run and workload it means."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flywheel.clock import utc_now
from flywheel.evaluation.paired import Difference
from flywheel.insights.facts import Facts
from flywheel.insights.followups import is_follow_up, resolved
from flywheel.insights.history import Turn
from flywheel.insights.moments import Span, runs_ago, span_of
from flywheel.insights.names import Found, find
from flywheel.insights.question import Question, read
from flywheel.insights.vocabulary import COMMON, is_ordinary
from flywheel.ports.logs import WorkloadSummary
from flywheel.views import PromotionView, RunView

# Words that go back to what was said before.
_REFERS = re.compile(r"\b(it|its|they|them|their|those|these|that one|this one|the same)\b")
_NEWEST = re.compile(
    r"\b(last|latest|newest|most recent) (?:[\w-]+ )?(run|one|result|results)\b(?! of [a-z]+ runs)"
)


_MOST_PAIRS = 4

Pair = tuple[str, str, str]


@dataclass
class Topic:
    """A question with everything that an answer may use."""

    question: Question
    runs: list[RunView]  # newest first
    incumbents: list[PromotionView]
    workloads: list[WorkloadSummary]
    named_runs: list[RunView]  # those that the question names
    named_workloads: list[str]
    missing_runs: list[str]
    focus: RunView | None = None
    history: list[Turn] = field(default_factory=list)  # where it refers to that, the oldest first
    last_run: RunView | None = None  # that was spoken of last
    older: list[RunView] = field(default_factory=list)  # where promoted models come from
    used: set[int] = field(default_factory=set)  # positions of the words that are understood
    models: Found = field(default_factory=Found)  # that any run of these workloads has
    labels: Found = field(default_factory=Found)  # classes that any run has
    back: int = 0  # runs: 1 is the previous one
    span: Span | None = None
    concluded: bool = False  # the workloads are not named, but others lack what is
    # Paired comparisons by run and two of its candidates: those at hand, and those asked for.
    pairs: dict[Pair, Difference | None] = field(default_factory=dict)
    wanted: dict[Pair, RunView] = field(default_factory=dict)

    def paired(self, run: RunView, one: str, other: str) -> Difference | None:
        """Their difference on the same records; one that is not at hand is looked up for later."""
        pair = run.id, one, other
        candidates = {candidate.model_name for candidate in run.nims}
        if pair not in self.pairs and {one, other} <= candidates:
            self.wanted[pair] = run
        return self.pairs.get(pair)

    async def look_up(self, facts: Facts) -> bool:
        """Look up the paired comparisons that an answer has asked for; whether there was one."""
        wanted, self.wanted = self.wanted, {}
        for pair, run in list(wanted.items())[:_MOST_PAIRS]:
            self.pairs[pair] = await facts.paired(run, pair[1], pair[2])
        return any(self.pairs.get(pair) for pair in wanted)

    def run_with(self, has: Callable[[RunView], bool]) -> RunView | None:
        """The run meant: a named one, the conversation's, else the newest that `has` it."""
        if self.named_runs:
            return self.named_runs[0]
        runs = self.candidate_runs
        if self.back:
            return self._runs_ago([run for run in runs if has(run)])
        if self.focus is not None and self.focus in runs:
            return self.focus
        if self.means_newest:
            return runs[0] if runs else None
        last = self.last_run
        if last is not None and (last in runs or not self.named_workloads):
            return last
        fitting = [run for run in runs if has(run)]
        with_models = (run for run in fitting if self.speaks_of_models_in(run))
        return next(with_models, fitting[0] if fitting else runs[0] if runs else None)

    def _runs_ago(self, runs: Sequence[RunView]) -> RunView | None:
        """Counted from the conversation's run, where there is one."""
        if not runs:
            return None
        start = runs.index(self.focus) if self.focus in runs else 0
        return runs[min(start + self.back, len(runs) - 1)]

    def speaks_of_models_in(self, run: RunView) -> bool:
        """Whether the run has the models that the question names."""
        names = [candidate.model_name for candidate in run.nims]
        if not self.models.used:
            return True
        found = find(self.question.words, names, by_parts=True, taken=self.used)
        return self.models.used <= found.used

    @property
    def means_newest(self) -> bool:
        """Whether it speaks of the last run."""
        return _NEWEST.search(self.question.text) is not None

    @property
    def plain(self) -> str:
        """The question without the names of models, workloads and classes."""
        named = self.used | self.models.used | self.labels.used
        return " ".join(w for at, w in enumerate(self.question.words) if at not in named)

    def strangers(self, also_ordinary: bool = False) -> list[str]:
        """The words that are neither a name nor one that questions here are made of.

        `also_ordinary`: those that only look like ordinary words, too ('compliant' does not).
        """
        named = self.used | self.models.used | self.labels.used
        return [
            word
            for at, word in enumerate(self.question.words)
            if at not in named
            and word.isalpha()
            and word not in COMMON
            and (also_ordinary or not is_ordinary(word))
        ]

    @property
    def names_nothing(self) -> bool:
        """Whether neither the question nor the conversation says which run or workload it is."""
        return not (self.named_runs or self.named_workloads or self.focus or self.last_run)

    @property
    def candidate_runs(self) -> list[RunView]:
        """The runs of the workloads named, or all."""
        if not self.named_workloads:
            return self.runs
        return [run for run in self.runs if run.workload_id in self.named_workloads]

    @property
    def last_models(self) -> list[str]:
        """The models that were spoken of last."""
        return next((turn.models for turn in reversed(self.history) if turn.models), [])

    def find_run(self, ref: str) -> RunView | None:
        """The run of that id, where it is at hand."""
        return next((run for run in [*self.runs, *self.older] if run.id == ref), None)


def is_scored(run: RunView) -> bool:
    """Whether at least one candidate has its scores."""
    return any(candidate.customized for candidate in run.nims)


async def gather(
    text: str, facts: Facts, focus_run: str | None, history: Sequence[Turn] = ()
) -> Topic:
    """Read the question against what there is, and what was said before."""
    runs = await facts.runs(None)
    incumbents = await facts.incumbents()
    workloads = await facts.workloads()
    names = _all_names(runs, workloads)
    labels = _labels(runs)
    question = read(text, names).without_long(labels)
    models = sorted({candidate.model_name for run in runs for candidate in run.nims})
    refers = is_follow_up(question) or _REFERS.search(question.text)
    turns = [read(turn.question, names).without_long(labels) for turn in history]
    before: Question | None = None
    for each in (*turns, question):
        question = each if before is None else resolved(each, before, models, [*aliases_of(labels)])
        before = question
    named, missing = [], []
    for ref in question.run_refs:
        run = await _run(ref, runs, facts)
        if run is None:
            missing.append(ref)
        else:
            named.append(run)
    known = sorted(
        {run.workload_id for run in runs}
        | {summary.workload_id for summary in workloads}
        | {promotion.workload_id for promotion in incumbents}
    )
    found = find(question.words, known, by_parts=True, common=True)
    origins = [await _run(promotion.run_id, runs, facts) for promotion in incumbents]
    focus = await _run(focus_run, runs, facts) if focus_run else None
    spoken_of = next((turn.run for turn in reversed(history) if turn.run and refers), None)
    topic = Topic(
        question=question,
        runs=runs,
        incumbents=incumbents,
        workloads=workloads,
        named_runs=named,
        named_workloads=found.names,
        missing_runs=missing,
        focus=focus,
        history=list(history) if refers else [],
        last_run=await _run(spoken_of, runs, facts) if spoken_of else None,
        older=[run for run in origins if run is not None],
        used=found.used,
        models=find(question.words, models, by_parts=True, taken=found.used),
        back=runs_ago(question.text),
        span=span_of(question.text, utc_now()),
    )
    if not topic.named_workloads and not topic.named_runs:
        topic.named_workloads = _of_the_kind(question.text, runs) or _of_the_client(topic)
    taken = topic.used | topic.models.used
    aliases = aliases_of(labels)
    topic.labels = find(question.words, aliases, by_parts=False, taken=taken)
    topic.labels.names = [aliases[name] for name in topic.labels.names]
    if topic.names_nothing and (concluded := _concluded(topic, runs)):
        topic.named_workloads, topic.concluded = concluded, True
    return topic


def _of_the_client(topic: Topic) -> list[str]:
    """The workloads that the client named has logged."""
    clients = sorted({summary.client_id for summary in topic.workloads})
    found = find(topic.question.words, clients, by_parts=False, taken=topic.used)
    topic.used |= found.used
    logged = (s.workload_id for s in topic.workloads if s.client_id in found.names)
    return list(dict.fromkeys(logged))


_KINDS = {
    "tool_calling": re.compile(r"\b(tool|function)[- ]call(s|ing)?\b"),
    "generic": re.compile(r"\b(free text|generative|text generation)\b"),
}


def _of_the_kind(text: str, runs: Sequence[RunView]) -> list[str]:
    """The workloads of the kind that the question names: 'tool calling'."""
    kinds = {kind for kind, pattern in _KINDS.items() if pattern.search(text)}
    found = (r.workload_id for r in runs if r.dataset_report)
    of_kind = {
        r.workload_id for r in runs if r.dataset_report and r.dataset_report.workload_type in kinds
    }
    return [workload for workload in dict.fromkeys(found) if workload in of_kind]


def _concluded(topic: Topic, runs: Sequence[RunView]) -> list[str]:
    """The workloads that alone have the models and classes named; none where all have them."""
    labels = {*topic.labels.names, *topic.question.quoted}
    if not topic.models.used and not labels:
        return []
    fitting = [
        run.workload_id
        for run in runs
        if topic.speaks_of_models_in(run) and (not labels or not labels.isdisjoint(_labels([run])))
    ]
    all_of_them = {run.workload_id for run in runs if is_scored(run)}
    found = list(dict.fromkeys(fitting))
    return [] if set(found) >= all_of_them else found


async def _run(ref: str, runs: list[RunView], facts: Facts) -> RunView | None:
    at_hand = next((run for run in runs if run.id == ref), None)
    return at_hand or await facts.run(ref)


def aliases_of(labels: Sequence[str]) -> dict[str, str]:
    """'Energy | Oil' is also asked for as 'oil': what labels are called, with the labels."""
    parts = {
        part.strip(): label for label in labels for part in re.split(r"[|/]", label) if part.strip()
    }
    return parts | {label: label for label in labels}


def labels_of(run: RunView) -> list[str]:
    """The classes of the run: those of its data and, where that is not known, of its scores."""
    labels = list(run.dataset_report.classes) if run.dataset_report else []
    for candidate in run.nims:
        if candidate.customized is not None:
            labels += [row.label for row in candidate.customized.per_class]
            break
    return list(dict.fromkeys(labels))


def _labels(runs: Sequence[RunView]) -> list[str]:
    return sorted({label for run in runs for label in labels_of(run)})


def _all_names(runs: list[RunView], workloads: list[WorkloadSummary]) -> set[str]:
    names = {summary.workload_id for summary in workloads}
    for summary in workloads:
        names.update(summary.answers)
    for run in runs:
        names.add(run.workload_id)
        names.update(candidate.model_name for candidate in run.nims)
        names.update(run.dataset_report.classes if run.dataset_report else ())
    return names
