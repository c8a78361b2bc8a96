"""Runs as tables in a terminal."""

import sys
from collections.abc import Sequence
from decimal import Decimal

import orjson
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flywheel.cli.data_lines import accuracy_lines, data_lines
from flywheel.cli.schedule_lines import schedule_lines
from flywheel.cli.sweeps import sweep_table
from flywheel.clock import utc_now
from flywheel.decisions.regression import Regression
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.audit import in_words
from flywheel.evaluation.headline import SHORT, UNREADABLE
from flywheel.evaluation.judge import judge_in_words, judged_in_words
from flywheel.evaluation.scores import Scores
from flywheel.formatting import count, duration, money, percent, when
from flywheel.views import CandidateView, EvalSetView, RunView

STATUS_STYLE = {"completed": "green", "failed": "bold red", "cancelled": "yellow"}
VERDICT_STYLE = {"promote": "bold green", "keep": "yellow", "insufficient-data": "yellow"}
WORST_CLASSES = 5


def json_one(view: RunView) -> None:
    """The run in the shape of the blueprint's job, with our own fields beside them."""
    sys.stdout.buffer.write(orjson.dumps(view.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    sys.stdout.write("\n")


def json_lines(views: Sequence[BaseModel]) -> None:
    """A JSON list of views."""
    dumped = [view.model_dump(mode="json") for view in views]
    sys.stdout.buffer.write(orjson.dumps(dumped, option=orjson.OPT_INDENT_2))
    sys.stdout.write("\n")


def doing_now(view: RunView) -> str:
    """What runs at this moment, in a few words."""
    running = [s for s in view.steps if s.status == "running"]
    if not running:
        return view.status
    return "; ".join(
        " ".join(
            filter(
                None,
                (s.candidate or "", s.kind, str(s.trial or ""), s.message and f"({s.message})"),
            )
        )
        for s in running
    )


def run_list(console: Console, views: Sequence[RunView], workload_id: str | None = None) -> None:
    """One line per run; `workload_id` is the one that was asked for."""
    if not views:
        of = "" if workload_id is None else f" of {escape(workload_id)}"
        console.print(f"There are no runs{of} yet. Start one: flywheel run WORKLOAD --wait")
        return
    best_of = {view.id: _best(view) for view in views}
    metrics = {c.customized.metric for c in best_of.values() if c and c.customized}
    score = SHORT[metrics.pop()] if len(metrics) == 1 else "score" if metrics else "macro-F1"
    table = _table("run", "workload", "status", "best", score, "verdict", "started")
    for column in (table.columns[1], table.columns[6]):  # in 80 columns these go over two lines
        column.no_wrap, column.overflow = False, "fold"
    for view in views:
        best = best_of[view.id]
        table.add_row(
            view.id,
            escape(view.workload_id),
            _styled(view.status, STATUS_STYLE),
            "" if best is None else best.model_name,
            "" if best is None else _value(best.customized),
            "" if view.recommendation is None else view.recommendation.verdict,
            "" if view.started_at is None else when(view.started_at),
        )
    console.print(table)


def run_page(console: Console, view: RunView) -> None:
    """Everything that one needs to judge a run."""
    client = f" · client {view.client_id}" if view.client_id else ""
    took = f" · {_took(view)}" if _took(view) else ""
    console.print(
        f"[bold]{view.id}[/] · {escape(view.workload_id)}{escape(client)} · "
        f"{_styled(view.status, STATUS_STYLE)}{took} · seed {view.seed}"
    )
    if view.error:
        console.print(f"[bold red]error:[/] {escape(view.error)}", soft_wrap=True)
    for line in data_lines(view):
        console.print(escape(line), soft_wrap=True)
    for candidate in view.nims:
        if candidate.trials:
            console.print()
            sweep_table(console, candidate)
    if any(c.base or c.customized for c in view.nims):
        console.print()
        _scores(console, view)
    _beside_scores(console, view)
    best = _best(view)
    if best is not None and best.customized is not None:
        currency = view.recommendation.currency if view.recommendation else ""
        _more_scores(console, best.model_name, best.customized, currency)
        _classes(console, best.model_name, best.customized)
    if view.recommendation is not None:
        console.print()
        _verdict(console, view, view.recommendation)
    if view.status in {"pending", "running", "cancelling"}:
        console.print(f"Now: {escape(doing_now(view))}")
    for line in schedule_lines(view, utc_now()):
        console.print(escape(line), soft_wrap=True)


def _beside_scores(console: Console, view: RunView) -> None:
    """What failed, and what people found."""
    if view.compared is not None and view.compared.error:
        name, error = escape(view.compared.name), escape(view.compared.error)
        console.print(f"[red]{name}, the incumbent:[/] {error}", soft_wrap=True)
    for candidate in view.nims:
        if candidate.error and candidate.error not in (view.error or ""):
            console.print(f"[red]{candidate.model_name}:[/] {escape(candidate.error)}")
        if candidate.audit is not None:
            words = in_words(candidate.audit)
            console.print(f"{escape(candidate.model_name)} {escape(words)}", soft_wrap=True)


def _verdict(console: Console, view: RunView, said: Recommendation) -> None:
    """On the named model, on the others, and what changed."""
    words = escape(view.summary or said.reason)
    console.print(f"Verdict: {_styled(said.verdict, VERDICT_STYLE)}. {words}", soft_wrap=True)
    for other in said.candidates:
        if other.model_name != said.model_name:
            styled = _styled(other.verdict, VERDICT_STYLE)
            console.print(f"{styled}: {escape(other.reason)}", soft_wrap=True)
    for line in accuracy_lines(view):
        console.print(escape(line), soft_wrap=True)
    for regression in said.regressions:
        console.print(escape(since(regression)), soft_wrap=True)


def eval_set_list(console: Console, views: Sequence[EvalSetView]) -> None:
    """One line per frozen evaluation set."""
    table = _table("workload", "client", "of run", "records", "sha256", "frozen", "by", "released")
    for view in views:
        table.add_row(
            escape(view.workload_id),
            escape(view.client_id or "all"),
            view.run_id,
            count(view.records),
            view.digest[:12],
            when(view.frozen_at),
            escape(view.frozen_by),
            "" if view.released_at is None else when(view.released_at),
        )
    console.print(table)


def _scores(console: Console, view: RunView) -> None:
    currency = view.recommendation.currency if view.recommendation else "cost"
    scored = [c.customized for c in view.nims if c.customized is not None]
    timed = any(scores.seconds_p95 is not None for scores in scored)  # not in older runs
    headline, beside = "macro-F1", "accuracy"
    if scored:
        headline, beside = SHORT[scored[0].metric], scored[0].beside.name
    table = _table(
        *("candidate", "before", f"{headline} (95 %)", beside, "time"),
        *(["p95"] if timed else []),
        f"{currency}/1,000",
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for candidate in view.nims:
        before = _value(candidate.base)
        scores = candidate.customized
        if scores is None:
            table.add_row(candidate.model_name, before, candidate.status)
            continue
        table.add_row(
            candidate.model_name,
            before,
            *_measured(scores, bold=True),
            duration(scores.seconds),
            *([_time(scores.seconds_p95)] if timed else []),
            _cost(scores.cost_per_1000),
        )
    if view.compared is not None and view.compared.scores is not None:
        scores = view.compared.scores
        table.add_row(
            f"[dim]{escape(view.compared.name)}[/]",
            "[dim]incumbent[/]",
            *_measured(scores),
            duration(scores.seconds),
            *([_time(scores.seconds_p95)] if timed else []),
            _cost(scores.cost_per_1000),
        )
    if view.teacher is not None:
        table.add_row(
            "[dim]teacher[/]",
            *("", "[dim]the reference[/]", ""),
            _time(view.teacher.seconds),
            *([""] if timed else []),
            _cost(view.teacher.cost_per_1000),
        )
    console.print(table)
    measures = {e.measures for c in view.nims for e in c.evaluations if e.eval_type == "base-eval"}
    said = [f"scored on {count(scored[0].n)} held-out records"] if scored else []
    said.append(f"before: {', '.join(sorted(measures))}")
    if timed:
        said.append("time: mean per answer; p95: 95 % of answers took no longer")
    if view.teacher is not None:
        said.append(f"teacher: {view.teacher.model_name}")
    console.print(f"[dim]{escape('; '.join(said))}[/]", soft_wrap=True)


def _value(scores: Scores | None) -> str:
    """The headline score."""
    found = None if scores is None else scores.headline
    return "" if found is None else f"{found.value:.3f}"


def _measured(scores: Scores, bold: bool = False) -> tuple[str, str]:
    """The headline score with its interval, and what stands beside it."""
    found, beside = scores.headline, scores.beside.value
    said = "not judged"
    if found is not None:
        value = f"[bold]{found.value:.3f}[/]" if bold else f"{found.value:.3f}"
        said = f"{value} ({found.interval.low:.3f}–{found.interval.high:.3f})"
    return said, "" if beside is None else f"{beside:.3f}"


def since(regression: Regression) -> str:
    """What changed against a model before, in a sentence."""
    score = regression.score
    said = "no change is shown" if score.change == "same" else score.change
    records = "the same records" if regression.paired else "other records"
    text = (
        f"Against {regression.against}, on {records}: {score.before:.3f} → {score.after:.3f}, "
        f"{said} (difference {score.low:+.3f} to {score.high:+.3f})"
    )
    for change in ("worse", "improved"):
        moved = [
            f"{c.label} (recall {c.before:.2f} → {c.after:.2f})"
            for c in regression.classes
            if c.change == change
        ]
        text += f"; classes {change}: {', '.join(moved) or 'none'}"
    return f"{text} of {len(regression.classes)}."


def _cost(amount: Decimal | None) -> str:
    """Without its currency, which the heading has."""
    return "no price" if amount is None else money(amount, "").strip()


def _time(seconds: float | None) -> str:
    return "unknown" if seconds is None else duration(seconds)


def _more_scores(console: Console, name: str, scores: Scores, currency: str) -> None:
    """What the table has no room for, of one model. Older runs have less of it, or nothing."""
    said = []
    if scores.tools is not None:
        said.append(f"{count(scores.tools.missing_calls)} calls missing")
        said.append(f"{count(scores.tools.extra_calls)} extra")
        if scores.tools.valid_arguments is not None:
            said.append(f"arguments fit the schema in {percent(scores.tools.valid_arguments)}")
    elif scores.balanced_accuracy is not None:
        said.append(f"balanced accuracy {scores.balanced_accuracy:.3f}")
    if scores.workload_type == "classification" and scores.weighted_f1 is not None:
        said.append(f"weighted F1 {scores.weighted_f1.value:.3f}")
    if scores.token_f1 is not None:
        said.append(f"token F1 {scores.token_f1:.3f} (word overlap, NeMo's f1: not a class F1)")
    if scores.seconds_p50 is not None and scores.seconds_p99 is not None:
        said.append(f"p50 {duration(scores.seconds_p50)}, p99 {duration(scores.seconds_p99)}")
    if scores.cost_per_correct is not None:
        cost = money(scores.cost_per_correct * 1000, currency)
        said.append(f"{cost} per 1,000 right answers")
    if scores.judge is not None and scores.workload_type != "generic":
        said.append(judged_in_words(scores.judge))
    console.print(f"Also of {name}: {'; '.join(said)}", soft_wrap=True)
    if scores.judge is not None:
        console.print(escape(judge_in_words(scores.judge)), soft_wrap=True)


def _classes(console: Console, name: str, scores: Scores) -> None:
    worst = sorted((c for c in scores.per_class if c.support), key=lambda c: c.f1)
    listed = ", ".join(
        f"{escape(c.label)} {c.f1:.2f} (n {c.support})" for c in worst[:WORST_CLASSES]
    )
    if scores.tools is not None:
        tools = sorted(scores.tools.per_tool, key=lambda tool: tool.exact_recall)
        listed = ", ".join(
            f"{escape(t.tool)} {t.exact_recall:.2f} (n {t.support})" for t in tools[:WORST_CLASSES]
        )
        console.print(f"Weakest tools of {name}, by exact calls: {listed}", soft_wrap=True)
    elif scores.workload_type == "classification":
        console.print(f"Weakest classes of {name}, by F1: {listed}", soft_wrap=True)
    if scores.absent_classes:
        absent = ", ".join(escape(label) for label in scores.absent_classes)
        console.print(f"Not judged, for lack of evaluation records: {absent}", soft_wrap=True)
    if scores.unparseable:
        share = percent(scores.unparseable_share)
        lacked = UNREADABLE[scores.workload_type]
        console.print(f"{count(scores.unparseable)} answers ({share}) had {lacked}.")


def _best(view: RunView) -> CandidateView | None:
    """The recommended candidate, else the one with the highest score."""
    if view.recommendation is not None:
        for candidate in view.nims:
            if candidate.model_name == view.recommendation.model_name:
                return candidate
    scored = [c for c in view.nims if c.customized is not None]
    return max(scored, key=lambda c: c.customized.rank if c.customized else 0, default=None)


def _took(view: RunView) -> str:
    if view.started_at is None or view.finished_at is None:
        return ""
    return duration((view.finished_at - view.started_at).total_seconds())


def _styled(word: str, styles: dict[str, str]) -> str:
    style = styles.get(word)
    return f"[{style}]{word}[/]" if style else word


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table
