"""The models of a run, as questions speak of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from flywheel.evaluation.scores import ClassScore, Scores
from flywheel.insights.names import find
from flywheel.insights.topic import Topic
from flywheel.views import CandidateView, RunView

_TEACHER = re.compile(r"\b(teacher|big model|llm)\b")
_BASELINE = re.compile(r"\b(baseline|base model|before training|untrained)\b")
_BEST = re.compile(r"\b(best|winner|recommended|winning)\b")
_WORST = re.compile(r"\b(worst|weakest|loser) (one|model|candidate)\b|\bloser\b")
_INCUMBENT = re.compile(
    r"\b(incumbent|(promoted|live|current) (\w+ )?(one|model)|in production"
    r"|what (serves|we have)|(our|the) current|than current)\b"
)
_SMALL = re.compile(r"\b(small(er|est)?|tiny|little) (one|model|llm)\b|\bsmallest\b")
_LARGE = re.compile(r"\b(big(ger|gest)?|large(r|st)?) one\b|\b(large(r|st)?|biggest) model\b")
_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)b(?![\w.])")


@dataclass(frozen=True)
class Subject:
    """A model that can be asked about, with what a run measured of it."""

    name: str
    run: RunView
    scores: Scores | None
    seconds: float | None
    cost_per_1000: Decimal | None
    is_teacher: bool = False
    is_reference: bool = False  # that the candidates of its run are compared with


@dataclass(frozen=True)
class Mentioned:
    """The models that a question speaks of, and the words that name none that exists."""

    subjects: list[Subject]
    unknown: str
    implied: bool = False  # by what was said before: 'how fast is it?'


def ranked(run: RunView) -> list[Subject]:
    """The scored candidates, the highest headline score first."""
    scored = [subject_of(run, c) for c in run.nims if c.customized is not None]
    return sorted(scored, key=lambda s: -s.scores.rank if s.scores else 0.0)


def recommended(run: RunView) -> Subject | None:
    """The candidate that the policy names, else the one with the highest score."""
    order = ranked(run)
    named = run.recommendation.model_name if run.recommendation else None
    return next((s for s in order if s.name == named), order[0] if order else None)


def subject_of(run: RunView, candidate: CandidateView) -> Subject:
    """A candidate after fine-tuning."""
    scores = candidate.customized
    return Subject(
        candidate.model_name,
        run,
        scores,
        scores.seconds if scores else None,
        scores.cost_per_1000 if scores else None,
    )


def teacher_of(run: RunView) -> Subject | None:
    """The model whose logged answers are the reference."""
    teacher = run.teacher
    if teacher is None:
        return None
    name = f"{teacher.model_name} (teacher)"
    said = run.recommendation
    return Subject(
        name,
        run,
        None,
        teacher.seconds,
        teacher.cost_per_1000,
        is_teacher=True,
        is_reference=said is not None and said.reference == "the teacher",
    )


def mentioned(topic: Topic, run: RunView) -> Mentioned:
    """The models of `run` that the question names, in its order."""
    question = topic.question
    by_name = {candidate.model_name: candidate for candidate in run.nims}
    found = find(question.words, by_name, by_parts=True, taken=topic.used)
    subjects = [subject_of(run, by_name[name]) for name in found.names]
    used = topic.used | found.used
    teacher = teacher_of(run)
    if teacher and run.teacher:
        by_own_name = find(question.words, [run.teacher.model_name], by_parts=True, taken=used)
        used |= by_own_name.used
        if by_own_name.names or _TEACHER.search(question.text):
            subjects.append(teacher)
    subjects += [s for s in _by_role(topic, run, subjects) if s.name not in _names(subjects)]
    if not subjects:
        last = [subject_of(run, by_name[name]) for name in topic.last_models if name in by_name]
        return Mentioned(last, question.unread(used), implied=bool(last))
    return Mentioned(subjects, question.unread(used))


def speaks_of(topic: Topic, run: RunView) -> list[str]:
    """The candidates that the question calls by name, not by what they are."""
    names = [candidate.model_name for candidate in run.nims]
    return find(topic.question.words, names, by_parts=True, taken=topic.used).names


def _by_role(topic: Topic, run: RunView, named: Sequence[Subject]) -> list[Subject]:
    text = topic.question.text
    order = ranked(run)
    roles = []
    if _BEST.search(text) and order:
        roles.append(order[0])
    roles += _by_size(run, text)
    if _WORST.search(text) and order:
        roles.append(order[-1])
    if _BASELINE.search(text):
        roles += _baseline(run, named)
    if _INCUMBENT.search(text):
        roles += incumbent_in(run) or _incumbent(topic, run.workload_id)
    return roles


def _by_size(run: RunView, text: str) -> list[Subject]:
    """'the small one', 'the biggest': of those whose names say how large they are."""
    sized = sorted(
        (float(match[1]), place)
        for place, candidate in enumerate(run.nims)
        if (match := _SIZE.search(candidate.model_name.lower().replace("-", " ")))
    )
    wanted = [sized[0]] if sized and _SMALL.search(text) else []
    wanted += [sized[-1]] if sized and _LARGE.search(text) else []
    return [subject_of(run, run.nims[place]) for _, place in wanted]


def _baseline(run: RunView, named: Sequence[Subject]) -> list[Subject]:
    """What the named candidates (or the first) score before they are fine-tuned."""
    names = _names(named)
    candidates = [c for c in run.nims if c.base and (not names or c.model_name in names)]
    subjects = []
    for candidate in candidates if names else candidates[:1]:
        measures = next(
            (e.measures for e in candidate.evaluations if e.eval_type == "base-eval"), ""
        )
        name = f"baseline ({measures})" if measures else f"{candidate.model_name} before training"
        subjects.append(Subject(name, run, candidate.base, None, None))
    return subjects


def incumbent_in(run: RunView) -> list[Subject]:
    """The model that served when the run was started, as the run scored it."""
    compared = run.compared
    if compared is None or compared.scores is None:
        return []
    scores = compared.scores
    said = run.recommendation
    name = f"{compared.name}, the incumbent"
    is_reference = said is not None and said.reference == compared.name
    return [
        Subject(name, run, scores, scores.seconds, scores.cost_per_1000, is_reference=is_reference)
    ]


def _incumbent(topic: Topic, workload_id: str) -> list[Subject]:
    """The promoted model, with the scores of the run that it comes from."""
    for promotion in topic.incumbents:
        run = topic.find_run(promotion.run_id)
        if promotion.workload_id == workload_id and run is not None:
            name = f"{promotion.model_name} (promoted, {run.id})"
            return [
                replace(subject_of(run, c), name=name)
                for c in run.nims
                if c.model_name == promotion.model_name
            ]
    return []


def _names(subjects: Sequence[Subject]) -> set[str]:
    return {subject.name for subject in subjects}


def weakest_classes(scores: Scores, most: int = 3) -> list[ClassScore]:
    """The evaluated classes with the lowest F1, lowest first; those that are perfect left out."""
    imperfect = [row for row in scores.per_class if row.support and row.f1 < 1]
    return sorted(imperfect, key=lambda row: (row.f1, -row.support))[:most]


def taken_for(scores: Scores, label: str) -> list[tuple[str, int]]:
    """What records of the class were wrongly answered as, most frequent first."""
    labels, counts = scores.confusion.labels, scores.confusion.counts
    if label not in labels:
        return []
    row = counts[labels.index(label)]
    return _frequent([(other, n) for other, n in zip(labels, row, strict=True) if other != label])


def mistaken_as(scores: Scores, label: str) -> list[tuple[str, int]]:
    """Which classes' records were wrongly answered as this class, most frequent first."""
    labels, counts = scores.confusion.labels, scores.confusion.counts
    if label not in labels:
        return []
    column = labels.index(label)
    rows = zip(labels, counts, strict=True)
    return _frequent([(other, row[column]) for other, row in rows if other != label])


def _frequent(pairs: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted((pair for pair in pairs if pair[1]), key=lambda pair: -pair[1])
