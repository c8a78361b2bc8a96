"""How many records to hold out, where the run leaves that to the policy. Pure."""

from typing import NamedTuple

from pydantic import BaseModel, Field

from flywheel.decisions.policy import Policy
from flywheel.evaluation.planner import records_needed
from flywheel.formatting import count, percent

ASSUMED_DISCORDANCE = 0.15  # where no run has seen one


class SizePlan(BaseModel):
    """How many evaluation records the policy needs."""

    wanted: int | None = Field(description="None where no number would do: all that there are")
    sentence: str


class Discordance(NamedTuple):
    """The share of records on which only one of candidate and reference is right."""

    value: float
    source: str  # where it is from, in words: 'as r-3 saw'


def plan_eval_size(
    policy: Policy,
    reference: str,
    against_teacher: bool,
    expected: Discordance,
    power: float,
    candidates: int,
    classes: int = 0,
) -> SizePlan:
    """The size with which a candidate as good as expected passes with `power`.

    Against the teacher, whose answers are the labels, only the candidate can be wrong: its
    accuracy is expected to be lower by the whole discordance. Against an incumbent it is
    expected to be equal. Each of several candidates has to pass at the strictest level that
    Holm's correction can ask of it. The plan is for accuracies (see `records_needed`); macro-F1
    hangs on the rare classes and needs more. `classes`: of the workload, where they are known.
    """
    difference = -expected.value if against_teacher else 0.0
    level = 1 - (1 - policy.confidence) / max(candidates, 1)
    differs = f"{percent(expected.value)} of the records ({expected.source})"
    if policy.margin + difference <= 0:
        return SizePlan(
            wanted=None,
            sentence=f"A candidate that differs from {reference} on {differs} cannot keep within "
            f"the {policy.margin:g} that the policy allows, whatever the number of records: half "
            "of them are held out.",
        )
    needed = records_needed(policy.margin, expected.value, level, power, difference, classes)
    wanted = max(needed, policy.min_records)
    enough = (
        "with them"
        if wanted == needed
        else f"the policy asks for as many, though with {count(needed)}"
    )
    why = (
        f"{enough} a candidate that differs from {reference} on {differs} shows with a "
        f"probability of {percent(power)} that it is within the {policy.margin:g} that the policy "
        "allows"
    )
    if candidates > 1:
        why += f", one of {candidates} that are tried"
    return SizePlan(wanted=wanted, sentence=f"{count(wanted)} records are to be held out: {why}.")
