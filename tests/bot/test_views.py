"""Views hold Slack's limits and let nobody's text act as mark-up."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slackblocks import InvalidUsageError

from bot.console.limits import texts
from bot.views import answers, decision, lists
from bot.views.asking import AskContext, ask_modal
from bot.views.card import CANCEL, card, gone
from bot.views.comparison import comparison
from bot.views.message import Message
from bot.views.results import APPROVE, REJECT, results
from bot.views.review import review_modal
from bot.views.text import code, escape, mrkdwn, person, plain, shorten, unescape, with_people
from flywheel.formatting import when
from flywheel.ports.logs import WorkloadSummary
from flywheel.views import Answer, DatasetView, RunView, WaitsView
from tests.bot.oracles import built, sound, sound_view
from tests.bot.strategies import (
    APPROVAL,
    NOW,
    candidate,
    comparisons,
    names,
    prose,
    run_view,
    run_views,
    standings,
)


def blocks_of(shown: Message) -> list[dict[str, Any]]:
    """The blocks as Slack gets them."""
    return shown.block_dicts()


def everything(shown: Message) -> str:
    """All text that a reader sees."""
    return "\n".join([shown.text, *texts(blocks_of(shown))])


def actions(shown: Message) -> list[str]:
    """The action ids of the buttons."""
    return [
        e["action_id"] for b in blocks_of(shown) if b["type"] == "actions" for e in b["elements"]
    ]


def deciding(shown: Message) -> list[str]:
    """Those of the buttons in which people decide."""
    return [action for action in actions(shown) if action in {APPROVE, REJECT}]


def test_results_name_the_classes_that_nothing_is_known_of() -> None:
    scored = candidate("tfidf-svm").customized
    assert scored is not None
    scores = scored.model_copy(update={"absent_classes": ["Bonds", "<!channel>"]})
    judged = candidate("tfidf-svm").model_copy(update={"customized": scores})
    text = everything(results(run_view(candidates=(judged,))))
    assert "not judged, without records: &lt;!channel&gt;, Bonds" in text
    assert "not judged" not in everything(results(run_view()))


def test_the_card_says_what_is_waited_for_and_when_it_should_end() -> None:
    unscored = candidate("tfidf-svm").model_copy(update={"customized": None})
    view = run_view(status="running", candidates=(unscored,))
    waiting = [
        step.model_copy(update={"status": "pending", "message": "waits for room, 2 before it"})
        for step in view.steps
    ]
    later = {"steps": waiting, "expected_end": NOW + timedelta(minutes=30)}
    text = everything(card(view.model_copy(update=later), NOW))
    assert "waits for room, 2 before it" in text
    assert f"should end about {when(NOW + timedelta(minutes=30))}" in text
    soon = view.model_copy(update={"expected_end": NOW + timedelta(seconds=30)})
    assert "should end" not in everything(card(soon, NOW))


@settings(max_examples=60, deadline=None)
@given(run_views(), st.lists(st.text(max_size=900), max_size=4))
def test_every_view_of_every_run_is_one_that_slack_takes(view: Any, decided: list[str]) -> None:
    sound(card(view, NOW))
    sound(results(view, decided, event_id=7))
    sound(lists.runs([view] * 40, NOW))
    sound(gone(view.id))
    if decision.passed(view):
        carried = decision.DecisionContext(
            run_id=view.id,
            approval_id="x" * 40,
            channel="C1",
            message_ts="1.2",
            response_url="https://hooks.example.com/" + "y" * 200,
        )
        for modal in (decision.approve_modal, decision.reject_modal):
            sound_view(modal(view, carried))
    sound_view(ask_modal(view, AskContext(run_id=view.id, channel="C1")))


@settings(max_examples=60, deadline=None)
@given(standings(), comparisons())
def test_reviews_and_comparisons_are_ones_that_slack_takes(standing: Any, found: Any) -> None:
    sound_view(review_modal(standing))
    sound(comparison(found))
    for text in _mrkdwn(
        [*review_modal(standing).to_dict()["blocks"], *comparison(found).block_dicts()]
    ):
        assert not re.search(r"<[^>]*>", text)
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)


@settings(max_examples=60, deadline=None)
@given(run_views())
def test_no_text_from_outside_becomes_a_mention_or_a_link(view: Any) -> None:
    for shown in (card(view, NOW), results(view), lists.runs([view], NOW)):
        for text in [shown.text, *_mrkdwn(blocks_of(shown))]:
            assert set(re.findall(r"<[^>]*>", text)) <= {"<@U0CONSOLE01>"}
            assert not re.search(r"&(?!amp;|lt;|gt;)", text)


def _mrkdwn(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "mrkdwn" else []
        return own + [text for part in value.values() for text in _mrkdwn(part)]
    if isinstance(value, list):
        return [text for part in value for text in _mrkdwn(part)]
    return []


@given(st.text(max_size=300), st.integers(1, 80))
def test_shortening_never_cuts_an_entity(text: str, limit: int) -> None:
    short = mrkdwn(text, limit)
    assert len(short) <= limit
    assert not re.search(r"&(?!amp;|lt;|gt;)", short)


@given(st.text(max_size=300))
def test_escaping_is_undone_by_unescaping(text: str) -> None:
    visible = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)
    assert unescape(escape(text)) == visible


@given(st.text(max_size=200))
def test_code_cannot_be_left(text: str) -> None:
    shown = code(text)
    assert shown == "–" or (shown[0] == shown[-1] == "`" and "`" not in shown[1:-1])


def test_text_helpers() -> None:
    assert shorten("abcdef", 4) == "abc…"
    assert plain(" a\n b ", 10) == "a b"
    assert person("U0CONSOLE01") == "<@U0CONSOLE01>"
    assert person("cli:ada") == "cli:ada"
    assert person("UNIVERSITY") == "UNIVERSITY"
    assert with_people("approved by U0AB12CD3.") == "approved by <@U0AB12CD3>."


def test_a_running_card_names_stage_and_percent_in_words() -> None:
    shown = card(run_view("running"), NOW)
    text = everything(shown)
    assert "Run r-12 · news_classifier" in text
    assert "*Running* · 40 % · 41 s" in text
    assert "fine-tuning 40 %" in text
    assert "<@U0CONSOLE01>" in text
    assert "400 for evaluation" in text
    assert actions(shown) == [CANCEL]
    button = next(b for b in blocks_of(shown) if b["type"] == "actions")["elements"][0]
    assert button["confirm"]["deny"]["text"] == "Keep it running"


def test_a_card_says_which_epoch_it_is_and_how_much_time_is_left() -> None:
    view = run_view("running", (candidate("svm", None),))
    first, *rest = view.steps
    told = {"message": "2 of 3 epochs done", "expected_end": NOW + timedelta(minutes=12, seconds=9)}
    steps = [
        first.model_copy(update=told),
        *(s.model_copy(update={"status": "pending"}) for s in rest),
    ]
    shown = everything(card(view.model_copy(update={"steps": steps}), NOW))
    assert "fine-tuning 40 % (2 of 3 epochs done), about 12 min left" in shown


def test_a_card_says_who_has_the_gpus_and_the_place_in_line() -> None:
    view = run_view("running", (candidate("svm", None),))
    waits = WaitsView(pool="gpus", held_by=["r-4"], place=2)
    told = {"status": "pending", "waits": waits, "expected_start": NOW + timedelta(minutes=40)}
    steps = [view.steps[0].model_copy(update=told)]
    shown = everything(card(view.model_copy(update={"steps": steps}), NOW))
    assert "waits for GPUs held by r-4; 2nd in line, starts in about 40 min" in shown


def test_a_failed_run_says_what_failed_why_and_what_to_do() -> None:
    view = run_view(
        "failed", (candidate("svm", None),), error="No candidate could be scored. svm: gone."
    )
    failed = [view.steps[0].model_copy(update={"status": "failed", "error": "gone"})]
    shown = everything(card(view.model_copy(update={"steps": failed}), NOW))
    assert "*What failed:* fine-tuning of `svm`" in shown
    assert "*Why:* No candidate could be scored. svm: gone." in shown
    assert "*Next:* Press Retry" in shown


def test_of_more_candidates_than_fit_those_that_run_come_first() -> None:
    many = tuple(candidate(f"candidate-{i}", None) for i in range(200))
    view = run_view("running", many)
    steps = [
        step.model_copy(
            update={"status": "running" if step.candidate == "candidate-199" else "pending"}
        )
        for step in view.steps
    ]
    shown = everything(card(view.model_copy(update={"steps": steps}), NOW))
    assert "`candidate-199`: fine-tuning" in shown
    assert re.search(r"… and 1\d\d more candidates", shown)


@pytest.mark.parametrize("status", ["cancelling", "completed", "failed", "cancelled"])
def test_only_a_run_that_goes_on_can_be_cancelled(status: str) -> None:
    assert CANCEL not in actions(card(run_view(status, error="no data"), NOW))


def test_elapsed_time_alone_does_not_change_what_a_card_says_otherwise() -> None:
    view = run_view("running")
    later = NOW + timedelta(seconds=9)
    assert card(view, NOW) != card(view, later)
    assert card(view, view.created_at).block_dicts() == card(view, view.created_at).block_dicts()


def test_results_show_scores_saving_and_buttons() -> None:
    shown = results(run_view())
    text = everything(shown)
    assert "promote `tfidf-svm`" in text
    assert "It saves 0.72 USD per 1,000 requests (99.4 %)." in text
    assert "0.300 → 0.900" in text
    assert "0.870–0.930" in text
    assert "0.724 USD" in text
    assert deciding(shown) == [APPROVE, REJECT]
    table = next(b for b in blocks_of(shown) if b["type"] == "data_table")
    assert [row[0]["text"] for row in table["rows"]] == [
        "Model",
        "tfidf-svm",
        "tfidf-logreg",
        "teacher",
    ]


def test_a_decision_takes_the_buttons_away_and_says_who_and_why() -> None:
    shown = results(run_view(), ["tfidf-svm was promoted by ada: it is <good>"])
    assert deciding(shown) == []
    assert "*Decided:* tfidf-svm was promoted by ada: it is &lt;good&gt;" in everything(shown)


def test_results_without_an_open_approval_have_no_buttons() -> None:
    superseded = results(run_view(approval_id=None))
    assert deciding(superseded) == []
    assert "a newer run has finished" in everything(superseded)
    kept = results(run_view(verdict="keep"))
    assert deciding(kept) == []
    assert "keep the model that serves now" in everything(kept)
    assert "saves" not in everything(kept)


def test_a_table_that_is_too_big_becomes_text() -> None:
    many = tuple(candidate(f"candidate-with-a-long-name-{i}") for i in range(150))
    shown = results(run_view(candidates=many))
    sound(shown)
    assert not any(b["type"] == "data_table" for b in blocks_of(shown))
    assert re.search(r"… and \d+ more", everything(shown))


def test_the_modal_offers_what_the_rule_passed_and_says_what_it_replaces() -> None:
    view = run_view(incumbent="hashing-sgd (r-3)")
    carried = decision.DecisionContext(
        run_id="r-12", approval_id="ap-1", channel="C1", message_ts="1.2"
    )
    modal = decision.approve_modal(view, carried).to_dict()
    text = "\n".join(texts(modal["blocks"]))
    select = next(b for b in modal["blocks"] if b.get("block_id") == decision.MODEL)["element"]
    assert [o["value"] for o in select["options"]] == ["tfidf-svm"]
    assert select["initial_option"]["value"] == "tfidf-svm"
    assert "hashing-sgd (r-3)" in text
    assert "macro-F1 0.900 (95 % 0.870–0.930, n 400)" in text
    assert "saves 0.72 USD per 1,000 requests (99.4 %)" in text
    teacher = decision.approve_modal(run_view(), carried).to_dict()
    assert "big-model" in "\n".join(texts(teacher["blocks"]))


def asked_of_two(**more: Any) -> RunView:
    approval = APPROVAL.model_copy(
        update={
            "needed": 2,
            "approved_by": ["U0APPROVE01"],
            "four_eyes": True,
            "expires_at": NOW,
            "digests": {"tfidf-svm": "0123456789abcdef" * 4},
        }
    )
    dataset = DatasetView(name="eval", num_records=400, digest="fedcba9876543210" * 4)
    return run_view(approval=approval, datasets=[dataset], **more)


def test_the_modal_shows_the_evidence_what_is_pinned_and_who_has_to_agree() -> None:
    carried = decision.DecisionContext(
        run_id="r-12", approval_id="ap-1", channel="C1", message_ts="1.2"
    )
    modal = decision.approve_modal(asked_of_two(), carried)
    text = "\n".join(texts(modal.to_dict()["blocks"]))
    assert "Pinned (sha256): `tfidf-svm` 0123456789ab · eval set fedcba987654." in text
    assert "2 people have to approve the same model; 1 of 2 approved, by <@U0APPROVE01>" in text
    assert "not by <@U0CONSOLE01>, who asked for the run; until 2026-11-23" in text


def test_the_results_say_how_many_have_approved_and_keep_their_buttons() -> None:
    shown = results(asked_of_two())
    assert deciding(shown) == [APPROVE, REJECT]
    assert "1 of 2 approved, by <@U0APPROVE01>" in everything(shown)


def test_a_question_that_is_void_has_no_buttons_and_says_why() -> None:
    why = "The question to approve is void: Nobody has decided in time."
    shown = results(run_view(approval_id=None, approval=None), [why])
    assert deciding(shown) == []
    assert f"*Closed:* {why}" in everything(shown)
    assert "*Decided:*" not in everything(shown)


@pytest.mark.parametrize(
    ("reason", "good"), [("", False), ("   ", False), ("ok", False), ("it is better", True)]
)
def test_a_reason_says_something(reason: str, good: bool) -> None:
    assert (decision.reason_problem(reason) is None) == good


@settings(max_examples=40, deadline=None)
@given(st.lists(names, max_size=5), names, prose)
def test_lists_and_answers_are_ones_that_slack_takes(
    found: list[str], serving: str, text: str | None
) -> None:
    summaries = [
        WorkloadSummary(
            workload_id=name, client_id=name, records=5, first=NOW, last=NOW, answers={name: 5}
        )
        for name in found * 20
    ]
    sound(lists.workloads(summaries, dict.fromkeys(found, serving)))
    sources = [f"flywheel results {n}" for n in found]
    for kept in ("0" * 24, None):
        choices = [f"{name} {text}" for name in found]
        reply = Answer(text=f"*bold* {text}", sources=sources, choices=choices, id=kept)
        sound(answers.answer(reply, asked=(serving, text or "")))
        assert ("answer_right" in actions(answers.answer(reply))) == (kept is not None)
    sound_view(
        answers.wrong_modal(answers.WrongContext(question_id="0" * 24, channel="C1", thread=None))
    )
    sound(lists.help_text())


def test_the_third_oracle_refuses_what_slack_refuses() -> None:
    heading = {"type": "plain_text", "text": "x" * 151}
    with pytest.raises(InvalidUsageError):
        built({"type": "header", "text": heading})
    empty = {"type": "mrkdwn", "text": ""}
    with pytest.raises(InvalidUsageError):
        built({"type": "section", "text": empty})


def test_block_objects_pass_the_librarys_own_checks() -> None:
    for block in results(run_view()).blocks:
        assert isinstance(block, Block)
        block.validate_json()
