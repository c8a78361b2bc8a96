"""`/flywheel schedule …`: the list, a new schedule, or what is to be done with one."""

from collections.abc import Sequence
from typing import get_args

from bot.parsing.commands import (
    Command,
    ScheduleChange,
    ScheduleChangeCommand,
    ScheduleCommand,
    SchedulesCommand,
)
from bot.parsing.run_options import run_request
from bot.parsing.tokens import Token, split, value
from bot.parsing.usage import misused

_NAME = "schedule"
_CHANGES: dict[str, ScheduleChange] = {change: change for change in get_args(ScheduleChange)}


def read_schedule(_text: str, tokens: Sequence[Token]) -> Command:
    """The command that these words mean. Raises InvalidInputError."""
    first = tokens[0].text.lower() if tokens else "list"
    if first == "list":
        return _list(tokens[1:])
    if first in _CHANGES:
        return _change(_CHANGES[first], tokens[1:])
    return _add(tokens[1:] if first == "add" else tokens)


def _list(tokens: Sequence[Token]) -> SchedulesCommand:
    if len(tokens) > 1:
        raise misused(_NAME, f"I do not understand '{tokens[1].text}'.")
    return SchedulesCommand(value(tokens[0].text, "workload", "workload_id") if tokens else None)


def _change(change: ScheduleChange, tokens: Sequence[Token]) -> ScheduleChangeCommand:
    if not tokens:
        raise misused(_NAME, "Which schedule? `/flywheel schedule` lists them.")
    if len(tokens) > 1:
        raise misused(_NAME, f"I do not understand '{tokens[1].text}'.")
    return ScheduleChangeCommand(change, value(tokens[0].text, "schedule"))


def _add(tokens: Sequence[Token]) -> ScheduleCommand:
    words, options = split(tokens)
    request = run_request(words[:1], options, _NAME)
    if not words[1:]:
        raise misused(_NAME, "When should it start?")
    return ScheduleCommand(request, " ".join(words[1:]))
