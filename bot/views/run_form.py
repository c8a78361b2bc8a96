"""The form in which people ask for a run."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from slack_sdk.models.blocks import (
    Block,
    ConversationFilter,
    ConversationSelectElement,
    InputBlock,
    InputInteractiveElement,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticMultiSelectElement,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from bot.views.message import context
from bot.views.text import plain
from flywheel.formatting import count
from flywheel.ports.logs import WorkloadSummary
from flywheel.settings import Settings

RUN_VIEW = "run_view"
WORKLOAD, CLIENT, CANDIDATES = "workload", "client", "candidates"
LIMIT, EVAL_SIZE, SEED, OTHERS = "limit", "eval_size", "seed", "others"
CHANNEL = "channel"
_OPTIONS = 100
_VALUE = 150  # characters of an option's value
_NUMBER_TEXT, _OTHERS_TEXT = 20, 2000


class RunFormContext(BaseModel):
    """What the form carries along; without a channel it asks for one."""

    channel: str = ""


def run_form(
    summaries: Sequence[WorkloadSummary] | None, settings: Settings, carried: RunFormContext
) -> View:
    """Everything that a run can be asked for; `summaries` None: the log does not answer in time."""
    blocks: list[Block] = [_workload(summaries)]
    if not carried.channel:
        blocks.append(
            _input(
                CHANNEL,
                "Where its card goes",
                ConversationSelectElement(
                    action_id=CHANNEL,
                    default_to_current_conversation=True,
                    filter=ConversationFilter(
                        include=["public", "private", "im"], exclude_bot_users=False
                    ),
                ),
            )
        )
    if candidates := _candidates(settings):
        blocks.append(candidates)
    split = settings.data_split_config
    blocks += [
        _text(CLIENT, "Only the records of this client", "all clients", 200),
        _text(LIMIT, "Only the newest records", _all_or(split.limit), _NUMBER_TEXT),
        _text(EVAL_SIZE, "Records held out, or auto", str(split.eval_size), _NUMBER_TEXT),
        _text(SEED, "Seed", _all_or(split.random_seed, "drawn at random"), _NUMBER_TEXT),
        _text(OTHERS, "Other settings", "epochs=2 adapter_dim=8", _OTHERS_TEXT, multiline=True),
        context("What is left empty comes from the settings. One line is `key=value`."),
    ]
    return View(
        type="modal",
        callback_id=RUN_VIEW,
        title=PlainTextObject(text="Start a run"),
        submit=PlainTextObject(text="Start"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=carried.model_dump_json(),
        blocks=blocks,
    )


def _workload(summaries: Sequence[WorkloadSummary] | None) -> InputBlock:
    records: Counter[str] = Counter()
    for summary in summaries or ():
        records[summary.workload_id] += summary.records
    fitting = [(name, n) for name, n in records.most_common() if 1 <= len(name) <= _VALUE]
    if not fitting:
        return _input(WORKLOAD, "Workload", PlainTextInputElement(action_id=WORKLOAD))
    options = [
        Option(
            value=name,
            text=PlainTextObject(text=plain(name, 75), emoji=False),
            description=PlainTextObject(text=f"{count(number)} records"),
        )
        for name, number in fitting[:_OPTIONS]
    ]
    label = "Workload"
    if len(fitting) > _OPTIONS:
        label += f" (the largest {_OPTIONS} of {count(len(fitting))})"
    initial = options[0] if len(options) == 1 else None
    select = StaticSelectElement(
        action_id=WORKLOAD,
        options=options,
        initial_option=initial,
        placeholder=PlainTextObject(text="Whose traffic to learn from"),
    )
    return _input(WORKLOAD, label, select)


def _candidates(settings: Settings) -> InputBlock | None:
    names = [n for n in dict.fromkeys(settings.default_candidates) if 1 <= len(n) <= _VALUE]
    if not names:
        return None
    options = [
        Option(value=name, text=PlainTextObject(text=plain(name, 75), emoji=False))
        for name in names[:_OPTIONS]
    ]
    select = StaticMultiSelectElement(
        action_id=CANDIDATES, options=options, initial_options=options
    )
    return _input(CANDIDATES, "Candidates", select)


def _text(
    name: str, label: str, placeholder: str, most: int, *, multiline: bool = False
) -> InputBlock:
    element = PlainTextInputElement(
        action_id=name,
        multiline=multiline,
        max_length=most,
        placeholder=PlainTextObject(text=plain(placeholder, 150)),
    )
    return _input(name, label, element, optional=True)


def _input(
    name: str, label: str, element: InputInteractiveElement, *, optional: bool = False
) -> InputBlock:
    return InputBlock(
        block_id=name, label=PlainTextObject(text=label), element=element, optional=optional
    )


def _all_or(number: int | None, otherwise: str = "all") -> str:
    return otherwise if number is None else str(number)


def values(view: dict[str, Any]) -> dict[str, str | list[str]]:
    """What was filled in, by block; nothing for what was left empty."""
    found: dict[str, str | list[str]] = {}
    for block_id, elements in view["state"]["values"].items():
        for state in elements.values():
            value: Any = state.get("value") or state.get("selected_conversation")
            if (option := state.get("selected_option")) is not None:
                value = option["value"]
            if "selected_options" in state:
                value = [option["value"] for option in state["selected_options"] or ()]
            if value:
                found[block_id] = value.strip() if isinstance(value, str) else value
    return {name: value for name, value in found.items() if value}
