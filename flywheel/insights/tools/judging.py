"""Tools that compare, reckon and quote: what is better, what it would save, by which rules."""

from decimal import Decimal, DivisionByZero, InvalidOperation

from flywheel.evaluation.headline import NAMES
from flywheel.formatting import count, duration, money, percent
from flywheel.insights.phrases import standing
from flywheel.insights.subjects import subject_of
from flywheel.insights.tools.arguments import (
    Calculation,
    Choices,
    Nothing,
    OfClass,
    OfRun,
    TwoModels,
    TwoRuns,
    Volume,
)
from flywheel.insights.tools.toolbox import Found, Toolbox, ToolError
from flywheel.insights.values import (
    Value,
    cost_value,
    difference_words,
    run_values,
    saving_value,
)

_MOST_EXAMPLES = 5


async def compare_models(box: Toolbox, asked: TwoModels) -> Found:
    """Two candidates of a run on the same records, with the paired test."""
    run = await box.run(asked.run)
    one, other = box.model(run, asked.one), box.model(run, asked.other)
    if one == other:
        raise ToolError("Name two different models.")
    by_name = {candidate.model_name: subject_of(run, candidate) for candidate in run.nims}
    parts = ("seconds", "cost_per_1000", "reason")
    scores = by_name[one].scores
    wanted = [scores.metric, *parts] if scores else parts
    values = run_values(run)
    found = [
        values[key]
        for name in (one, other)
        for p in wanted
        if (key := f"{run.id}/{name}/{p}") in values
    ]
    paired = await box.evidence.paired(run, one, other)
    if paired is None:
        return Found(values=found, notes=[standing(by_name[one], by_name[other])])
    found.append(
        Value(
            id=f"{run.id}/{one}/minus/{other}",
            measure=f"{NAMES[paired.metric]} of {one} minus that of {other}",
            shown=difference_words(paired),
            number=Decimal(str(paired.value)),
            of=(one, other),
            run=run.id,
            source=f"flywheel show {run.id}",
        )
    )
    decided = paired.low > 0 or paired.high < 0
    said = "The paired test tells them apart." if decided else "The difference is not significant."
    return Found(values=found, notes=[said])


async def compare_runs(box: Toolbox, asked: TwoRuns) -> Found:
    """Two completed runs of one workload."""
    older, newer = await box.run(asked.older), await box.run(asked.newer)
    compared = await box.evidence.comparison(older, newer)
    values = {**run_values(older), **run_values(newer)}
    found, notes = [], []
    for sides in compared.candidates:
        for run, scored in ((older, sides.older), (newer, sides.newer)):
            key = f"{run.id}/{sides.model_name}/{scored.metric if scored else ''}"
            found += [values[key]] if key in values else []
        if sides.shift is not None:
            notes.append(f"{sides.model_name}: {sides.shift.change} by the paired test.")
    if not compared.same_records:
        notes.append(
            "They were scored on other records: whether a model became better cannot be told."
        )
    return Found(values=found, notes=notes)


async def cost(box: Toolbox, asked: Volume) -> Found:
    """What so many requests cost and what a candidate would save."""
    run = await box.run(asked.run)
    name = box.model(run, asked.model)
    volume = (asked.requests, asked.period)
    found = [
        saving_value(run, name, *volume),
        cost_value(run, name, *volume),
        cost_value(run, "teacher", *volume),
    ]
    if found[0] is None:
        return Found(
            values=[value for value in found if value],
            notes=["Without both prices no saving can be worked out (prices.models)."],
        )
    return Found(values=[value for value in found if value])


async def disagreements(box: Toolbox, asked: OfClass) -> Found:
    """Records on which a candidate and the teacher differ."""
    run = await box.run(asked.run)
    name = box.model(run, asked.model)
    label = box.label(run, asked.label) if asked.label else None
    rows = await box.evidence.disagreements(run, name, label, _MOST_EXAMPLES)
    return Found(
        notes=[f"Some records on which {name} and the teacher differ in {run.id}."],
        untrusted=[
            f"{row.text} | teacher: {row.teacher} | {name}: {row.candidate}" for row in rows
        ],
    )


async def policy(box: Toolbox, asked: OfRun) -> Found:
    """What the policy asks, a sentence each."""
    run = await box.run(asked.run) if asked.run or box.focus else None
    of = run.id if run else "now"
    sentences = await box.evidence.policy(run)
    return Found(
        values=[
            Value(
                id=f"policy/{of}/{number}",
                measure="clause of the policy",
                shown=sentence,
                run=run.id if run else None,
                source="flywheel policy show",
            )
            for number, sentence in enumerate(sentences, 1)
        ]
    )


async def receipt(box: Toolbox, asked: OfRun) -> Found:
    """The digest of a run's signed receipt."""
    run = await box.run(asked.run)
    digest = await box.evidence.receipt(run)
    value = Value(
        id=f"{run.id}/receipt",
        measure="sha256 of the receipt",
        shown=digest,
        run=run.id,
        source=f"flywheel receipt show {run.id}",
    )
    return Found(values=[value])


async def no_answer(box: Toolbox, _asked: Nothing) -> Found:
    """Nothing that there is answers the question."""
    box.refused = True
    return Found(notes=["Now say in a sentence what is missing, without a guess."])


async def ask_back(box: Toolbox, asked: Choices) -> Found:
    """The question has several meanings: offer them."""
    box.choices = asked.choices
    return Found(notes=["They are shown as buttons. Now ask in one sentence what is meant."])


async def calculate(box: Toolbox, asked: Calculation) -> Found:
    """Arithmetic on values, by code."""
    values = [box.values.get(one.removeprefix("{{v:").removesuffix("}}")) for one in asked.values]
    known = [value for value in values if value is not None and value.number is not None]
    if len(known) < len(values):
        raise ToolError(
            "Only values with a number, which a tool has returned, can be reckoned with."
        )
    units = {value.unit for value in known}
    if len(units) > 1:
        raise ToolError(f"These have different units: {', '.join(sorted(units))}.")
    numbers = [value.number for value in known if value.number is not None]
    ids = ",".join(value.id for value in known)
    try:
        match asked.operation:
            case "sum":
                found, unit = sum(numbers, Decimal(0)), known[0].unit
            case "difference":
                found, unit = numbers[0] - sum(numbers[1:], Decimal(0)), known[0].unit
            case "ratio":
                found, unit = numbers[0] / numbers[1], "ratio"
    except (DivisionByZero, InvalidOperation) as error:
        raise ToolError("Nothing can be divided by zero.") from error
    return Found(
        values=[
            Value(
                id=f"{asked.operation}({ids})",
                measure=f"{asked.operation} of {'; '.join(value.described for value in known)}",
                shown=_shown(found, unit),
                number=found,
                unit=unit,
                of=tuple(dict.fromkeys(name for value in known for name in value.of)),
                run=known[0].run if len({value.run for value in known}) == 1 else None,
                source=known[0].source,
            )
        ]
    )


def _shown(number: Decimal, unit: str) -> str:
    if unit == "s":
        return duration(float(number))
    if unit == "ratio":
        return f"{number:.3g} times ({percent(float(number))})"
    if unit:
        return money(number, unit)
    return count(int(number)) if number == number.to_integral() else f"{number:+.3f}"
