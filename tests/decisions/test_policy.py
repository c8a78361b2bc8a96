"""Policy files: what they may say, and what is said of their faults."""

from hashlib import sha256
from pathlib import Path

import pytest

from flywheel.decisions.policy import Floor, Policy, parse_policy, policy_document
from flywheel.errors import SettingsError

PACKAGED = Path(__file__).parents[2] / "config" / "policy.yaml"


def test_the_documented_values_are_the_defaults() -> None:
    text = PACKAGED.read_text("utf-8")
    assert parse_policy(text, "policy.yaml") == Policy()
    assert all(f"\n{key}:" in text for key in Policy.model_fields)


def test_what_is_not_said_takes_its_default() -> None:
    policy = parse_policy(
        "margin: 0.03\nfloors:\n  - {label: 'M&A | Deals', at_least: 0.9}\n", "mine.yaml"
    )
    assert policy.margin == 0.03
    assert policy.floors == [Floor(label="M&A | Deals", metric="recall", at_least=0.9)]
    assert policy.min_records == 100


def test_the_document_is_the_text_letter_by_letter() -> None:
    text = "# ours\nmargin: 0.10  # agreed\n"
    document = policy_document(text, "mine.yaml")
    assert (document.text, document.sha256) == (text, sha256(text.encode()).hexdigest())
    assert document.parsed().margin == 0.1
    assert policy_document(text + "\n", "mine.yaml").sha256 != document.sha256


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("margn: 0.1", "margn in FILE is not a setting; did you mean margin?"),
        ("margin: 0", "margin in FILE must be a number above 0 and below 1, not 0."),
        ("margin: true", "margin in FILE must be a number above 0 and below 1, not true."),
        ("reference: chief", 'reference in FILE must be one of teacher, incumbent, not "chief".'),
        ("floors: [{label: A}]", "floors[0].at_least in FILE is missing"),
        ("margin: .nan", "margin in FILE must be"),
        ("floors: 3", "floors in FILE must be a list, not 3."),
        ("- a", "FILE must hold sections"),
        ("margin: 0.1\nmargin: 0.2", "FILE, line 2: margin is already set in line 1"),
        ("{", "FILE, line 1: this is not valid YAML"),
        ("", "FILE is empty."),
    ],
)
def test_faults(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        policy_document(text, "FILE")
    assert sentence in caught.value.message


def test_every_fault_has_its_line() -> None:
    with pytest.raises(SettingsError) as caught:
        policy_document("margin: 2\nmin_records: none\n", "FILE")
    assert len(caught.value.message.splitlines()) == 2
