"""A policy in words: what it asks of a candidate, and of the people who decide. Pure."""

from collections.abc import Iterator

from flywheel.decisions.policy import ApprovalRule, Floor, Policy
from flywheel.evaluation.headline import METRICS_OF, NAMES
from flywheel.formatting import count, duration, percent

_HOUR = 3600


def asks_of_candidates(policy: Policy) -> list[str]:
    """One sentence per clause, in the order in which the file has them."""
    return list(_clauses(policy))


def asks_of_people(rule: ApprovalRule) -> list[str]:
    """How many have to approve, who may not, and for how long they can."""
    return [
        "One person approves."
        if rule.approvals == 1
        else f"{count(rule.approvals)} people have to approve the same model; one who rejects it "
        "ends it.",
        "Whoever asked for the run does not approve it (four eyes)."
        if rule.four_eyes
        else "Whoever asked for the run may approve it as well.",
        "The question stays open until somebody answers it."
        if rule.expires_hours is None
        else f"After {duration(rule.expires_hours * _HOUR)} nobody can decide on it any more.",
    ]


def _clauses(policy: Policy) -> Iterator[str]:
    yield _reference(policy)
    yield f"What counts is {_metric(policy)}."
    yield (
        f"It may score at most {policy.margin:g} below the reference, by the bound of the "
        f"{percent(policy.confidence)} interval of the difference, corrected for the number of "
        "candidates."
    )
    yield f"With fewer than {count(policy.min_records)} evaluation records nothing is decided."
    yield from map(_floor, policy.floors)
    if policy.max_seconds_p95 is not None:
        yield f"95 % of its answers come within {duration(policy.max_seconds_p95)}."
    if policy.min_saving is not None:
        yield _saving(policy.min_saving)
    if policy.max_unparseable is not None:
        yield f"At most {percent(policy.max_unparseable)} of its answers cannot be read."
    if policy.max_unjudged is not None and policy.metric in {"auto", "similarity"}:
        yield (
            f"Where a judge scores the answers, at most {percent(policy.max_unjudged)} of the "
            "records stay without a score."
        )
    yield _order(policy)


def _reference(policy: Policy) -> str:
    if policy.reference == "teacher":
        return "It is compared with the teacher, record by record."
    return (
        "It is compared with the model that is promoted now, record by record; with the teacher "
        "where none is."
    )


def _metric(policy: Policy) -> str:
    if policy.metric != "auto":
        return NAMES[policy.metric]
    *others, last = (NAMES[metrics[0]] for metrics in METRICS_OF.values())
    return f"the headline of the workload: {', '.join(others)} or {last}"


def _floor(floor: Floor) -> str:
    return f"The {floor.metric} of {floor.label} is shown to be at least {floor.at_least:g}."


def _saving(share: float) -> str:
    if share == 0:
        return "It costs no more than the reference."
    if share > 0:
        return f"It saves at least {percent(share)} of what the reference costs."
    return f"It costs at most {percent(-share)} more than the reference."


def _order(policy: Policy) -> str:
    if policy.equal_cost == 0:
        return "Of those that pass, the cheapest is recommended."
    return (
        "Of those that pass, the cheapest is recommended; where costs differ by less than "
        f"{percent(float(policy.equal_cost))} of the reference's, the one with the best score."
    )
