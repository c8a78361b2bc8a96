"""What a language model has worded: which answers may be shown, and how they read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.insights.values import Values, run_values, saving_value
from flywheel.insights.wording.checker import Material, problems
from flywheel.insights.wording.references import rendered
from tests.insights.conftest import finished_run

RUN = finished_run()
MODELS = ["tfidf-svm", "tfidf-logreg", "hashing-sgd", "meta/llama-3.3-70b-instruct"]
SVM, LOGREG = "{{v:r-12/tfidf-svm/macro_f1}}", "{{v:r-12/tfidf-logreg/macro_f1}}"


def values() -> Values:
    saving = saving_value(RUN, "tfidf-svm", 4_000_000, "month")
    assert saving is not None
    return {**run_values(RUN), saving.id: saving}


VALUES = values()


def found(text: str, question: str = "Which model is best?") -> list[str]:
    labels = ["Earnings", "Stock Movement", "Dividend", "Q2 2.5"]
    names = [*MODELS, *labels, "r-12", "r-11", "news_topics"]
    return problems(text, Material(VALUES, names, MODELS, question))


@pytest.mark.parametrize(
    "text",
    [
        f"In r-12 tfidf-svm is best: {SVM}.",
        f"tfidf-svm reaches {SVM}, tfidf-logreg {LOGREG}; meta/llama-3.3-70b-instruct is asked.",
        "tfidf-svm is weakest on Dividend: F1 {{v:r-12/tfidf-svm/class/Dividend/f1}}.",
        "F1 of Dividend is {{ v:r-12/tfidf-svm/class/Dividend/f1 }} in r-12.",
        "Nothing is known about the class “Q2 2.5”.",
        "Das beste Modell ist tfidf-svm. Es erreicht {{v:r-12/tfidf-svm/macro_f1}}.",
        "一番良いのは tfidf-svm で、{{v:r-12/tfidf-svm/macro_f1}} です。",
    ],
)
def test_what_refers_to_values_beside_their_names_may_be_shown(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tfidf-svm reaches 0.91.", "'0.91' is a number of your own"),
        ("tfidf-svm reaches ninety-one percent.", "number of your own"),
        ("tfidf-svm ist zweiundneunzig Prozent genau.", "number of your own"),
        ("La mitad de las respuestas son correctas.", "number of your own"),
        ("精度は九割です。", "number of your own"),
        ("Its F1 is ０.９１.", "number of your own"),
        ("Its F1 is ⅔.", "number of your own"),
        ("It is double as good.", "number of your own"),
        (f"tfidf-logreg reaches {SVM}.", "is of tfidf-svm, but stands beside tfidf-logreg"),
        (f"tfidf-svm wins. tfidf-logreg is close. It has {SVM}.", "stands beside tfidf-logreg"),
        (f"In r-11 tfidf-svm had {SVM}.", "is of r-12, but stands beside r-11"),
        (
            "tfidf-svm: Earnings has {{v:r-12/tfidf-svm/class/Dividend/f1}}.",
            "is of Dividend, but stands beside Earnings",
        ),
        ("It has {{v:r-12/tfidf-svm/speed}}.", "no value that a tool has returned"),
        ("It has {{v:r-12/tfidf-svm/macro_f1}.", "malformed"),
        ("See https://evil.example/?q=secret", "no links"),
        ("![x](//evil.example/a.png)", "no links"),
        ("<!channel> look", "no links"),
        ("I have approved r-12.", "You cannot do anything"),
        ("I've promoted tfidf-svm.", "You cannot do anything"),
        ("Class Q2 2.5 is good.", "number of your own"),
        (" ", "empty"),
    ],
)
def test_what_could_mislead_is_refused(text: str, why: str) -> None:
    assert any(why in problem for problem in found(text)), found(text)


def test_numbers_of_requests_may_be_repeated_and_nothing_be_made_of_them() -> None:
    question = "What would we save a month at 4 million requests? Is it above 0.95?"
    saving = "{{v:saving/r-12/tfidf-svm/4000000/month}}"
    assert found(f"At 4,000,000 requests tfidf-svm saves {saving}.", question) == []
    assert found(f"Bei 4 Millionen Anfragen spart tfidf-svm {saving}.", question) == []
    assert found("You save 4,000,000 USD.", question) != []
    assert found("You save 4 million.", "What would we save?") != []
    assert found("Yes, it is above 0.95.", question) != []


@given(
    number=st.one_of(
        st.decimals(-1000, 1000, places=3).map(str),
        st.integers(0, 10**9).map(str),
        st.integers(10**3, 10**9).map(lambda n: f"{n:,}"),
        st.floats(0, 100).map(lambda x: f"{x:.1f} %"),
    ),
    before=st.sampled_from(["It has ", "F1 of tfidf-svm: ", "r-12 gives ", "about", "=", "n"]),
)
def test_no_number_of_its_own_passes(number: str, before: str) -> None:
    assert found(f"tfidf-svm is best ({SVM}). {before}{number}") != []


def test_scores_are_named_by_what_they_measure() -> None:
    text = (
        f"In r-12 tfidf-svm is best with {SVM}; its accuracy is {{{{v:r-12/tfidf-svm/accuracy}}}}."
    )
    shown = rendered(text, VALUES)
    assert shown.startswith(
        "In r-12 tfidf-svm is best with macro-F1 0.874 (95 % 0.844–0.904, n 400);"
    )
    assert shown.count("accuracy") == 1
    saving = rendered("It saves {{v:saving/r-12/tfidf-svm/4000000/month}}.", VALUES)
    assert saving == "It saves 998.40 USD."
    assert VALUES["saving/r-12/tfidf-svm/4000000/month"].number == Decimal("998.4")
