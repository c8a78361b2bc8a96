"""Two runs of a workload side by side."""

from slack_sdk.models.blocks import Block

from bot.views.message import Message, context, header, message, section
from bot.views.tables import Number, table
from bot.views.text import NOTHING, code, lines_that_fit, mrkdwn, plain
from flywheel.decisions.comparison import (
    CandidateSides,
    Comparison,
    RunSide,
    Scored,
    sentences,
)
from flywheel.evaluation.headline import SHORT
from flywheel.formatting import count, when

COMPARE = "compare_runs"
_CHANGES = {"improved": "better", "worse": "worse", "same": "no change shown"}


def comparison(found: Comparison) -> Message:
    """What can be said of them, the scores, the data and the settings that differ."""
    older, newer = found.older, found.newer
    said = [mrkdwn(sentence, 500) for sentence in sentences(found)]
    blocks: list[Block] = [
        header(f"{older.run_id} and {newer.run_id} · {found.workload_id}"),
        section(lines_that_fit(said, 2400), "said"),
    ]
    if found.candidates:
        rows = [_heads(found), *(_row(sides) for sides in found.candidates)]
        caption = f"Scores of {older.run_id} and {newer.run_id} side by side"
        blocks.append(table(rows, "compared", caption))
    blocks += [section(_side(side), f"side:{side.run_id}") for side in (older, newer)]
    blocks.append(context(_settings(found), "settings"))
    return message(lines_that_fit(said, 1500), blocks)


def _heads(found: Comparison) -> tuple[str, ...]:
    scored = next((c.newer or c.older for c in found.candidates), None)
    score = SHORT[scored.metric] if scored is not None else "score"
    return ("Model", f"{found.older.run_id} {score}", f"{found.newer.run_id} {score}", "Change")


def _row(sides: CandidateSides) -> tuple[str, ...]:
    change = NOTHING if sides.shift is None else _CHANGES[sides.shift.change]
    return (plain(sides.model_name, 80), _score(sides.older), _score(sides.newer), change)


def _score(scored: Scored | None) -> str:
    if scored is None:
        return NOTHING
    interval = scored.interval
    text = f"{interval.value:.3f} ({interval.low:.3f}–{interval.high:.3f})"
    return Number(text, interval.value)


def _side(side: RunSide) -> str:
    ended = "" if side.finished_at is None else f", {when(side.finished_at)}"
    return (
        f"*{side.run_id}*{ended}: {count(side.records)} records read, {count(side.train)} for "
        f"training, {count(side.eval)} for evaluation; seed {side.seed}; "
        f"teacher {code(side.teacher, 80)}"
    )


def _settings(found: Comparison) -> str:
    if not found.settings:
        return "No setting differs."
    lines = [
        f"{code(s.name, 80)}: {code(s.older, 80)} → {code(s.newer, 80)}" for s in found.settings
    ]
    return f"What differs in the settings:\n{lines_that_fit(lines, 1500, 'more settings')}"
