"""The form in which people ask for a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
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

from bot.views.message import context, section
from bot.views.text import plain
from flywheel.formatting import count
from flywheel.ports.logs import WorkloadSummary
from flywheel.ports.platform import CandidateSpec
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
    summaries: Sequence[WorkloadSummary] | None,
    offered: Sequence[CandidateSpec],
    settings: Settings,
    carried: RunFormContext,
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
    if candidates := _candidates(offered, settings.default_candidates):
        blocks.append(candidates)
    split = settings.data_split_config
    blocks += [
        _text(CLIENT, "Only the records of this client", "all clients", 200),
        _text(LIMIT, "Only the newest records", _all_or(split.limit), _NUMBER_TEXT),
        _text(EVAL_SIZE, "Records held out, or auto", str(split.eval_size), _NUMBER_TEXT),
        _text(SEED, "Seed", _all_or(split.random_seed, "drawn at random"), _NUMBER_TEXT),
        _text(
            OTHERS,
            "Other settings",
            "none; for example epochs=2 adapter_dim=8",
            _OTHERS_TEXT,
            multiline=True,
        ),
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


def without_inputs(blocks: Sequence[Block]) -> View:
    """In place of the form: why it is not there, or not yet."""
    return View(
        type="modal",
        title=PlainTextObject(text="Start a run"),
        close=PlainTextObject(text="Close"),
        blocks=blocks,
    )


def waiting_for_log() -> View:
    """Until the log has said which workloads there are."""
    return without_inputs(
        [section("The log takes its time. The form comes as soon as it has answered.")]
    )


def _workload(summaries: Sequence[WorkloadSummary] | None) -> InputBlock:
    records: Counter[str] = Counter()
    for summary in summaries or ():
        records[summary.workload_id] += summary.records
    fitting = [(name, n) for name, n in records.most_common() if 1 <= len(name) <= _VALUE]
    if not fitting:
        why = "The log does not answer, so its workloads cannot be listed: type the name."
        typed = PlainTextInputElement(action_id=WORKLOAD)
        return _input(WORKLOAD, "Workload", typed, hint=why if summaries is None else None)
    options = [
        Option(
            value=name,
            text=PlainTextObject(text=plain(name, 75), emoji=False),
            description=PlainTextObject(text=f"{count(number)} records"),
        )
        for name, number in fitting[:_OPTIONS]
    ]
    hint = None
    if len(records) > len(options):
        hint = (
            f"These are {count(len(options))} of {count(len(records))}, the largest first. For the "
            "others type /flywheel run NAME."
        )
    initial = options[0] if len(options) == 1 else None
    select = StaticSelectElement(
        action_id=WORKLOAD,
        options=options,
        initial_option=initial,
        placeholder=PlainTextObject(text="Whose traffic to learn from"),
    )
    return _input(WORKLOAD, "Workload", select, hint=hint)


def _candidates(offered: Sequence[CandidateSpec], configured: Sequence[str]) -> InputBlock | None:
    """All that can be tried, the configured ones marked; of too many only those."""
    fitting = [c for c in offered if 1 <= len(c.name) <= _VALUE]
    if len(offered) > _OPTIONS:
        fitting = [c for c in fitting if c.name in configured][:_OPTIONS]
    if not fitting:
        return None
    options = [
        Option(
            value=one.name,
            text=PlainTextObject(text=plain(one.name, 75), emoji=False),
            description=PlainTextObject(text=plain(one.description, 75), emoji=False),
        )
        for one in fitting
    ]
    marked = [option for option in options if option.value in configured]
    select = StaticMultiSelectElement(
        action_id=CANDIDATES, options=options, initial_options=marked or None
    )
    hint = None
    if len(options) < len(offered):
        hint = (
            f"These are {count(len(options))} of {count(len(offered))}. For the others type "
            "/flywheel run NAME candidates=a,b."
        )
    return _input(CANDIDATES, "Candidates", select, hint=hint)


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
    name: str,
    label: str,
    element: InputInteractiveElement,
    *,
    optional: bool = False,
    hint: str | None = None,
) -> InputBlock:
    return InputBlock(
        block_id=name,
        label=PlainTextObject(text=label),
        element=element,
        optional=optional,
        hint=None if hint is None else PlainTextObject(text=hint),
    )


def _all_or(number: int | None, otherwise: str = "all") -> str:
    return otherwise if number is None else str(number)


def values(view: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """What was filled in, by block; nothing for what was left empty, or marked as it was."""
    marked = {
        block.get("block_id"): _values_of(block["element"].get("initial_options"))
        for block in view["blocks"]
        if block.get("type") == "input"
    }
    found: dict[str, str | list[str]] = {}
    for block_id, elements in view["state"]["values"].items():
        for state in elements.values():
            value: str | list[str] = (state.get("value") or "").strip()
            if option := state.get("selected_option"):
                value = option["value"]
            elif chosen := _values_of(state.get("selected_options")):
                value = [] if set(chosen) == set(marked.get(block_id, ())) else chosen
            elif conversation := state.get("selected_conversation"):
                value = conversation
            if value:
                found[block_id] = value
    return found


def _values_of(options: Sequence[Mapping[str, Any]] | None) -> list[str]:
    return [option["value"] for option in options or ()]
