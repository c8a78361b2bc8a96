"""Prompts: what their files say, how they are rendered, and what is said of broken ones."""

from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flywheel.cli.main import app
from flywheel.evaluation.judge import judge_prompt
from flywheel.prompts import PromptError, check, names, open_prompt, render
from flywheel.resources import resource_path

GOOD = """---
purpose: For a test.
version: 3
inputs:
  thread: What was said
example:
  thread: [hello]
---
Read {{ thread | untrusted }}.
"""


def test_every_prompt_of_the_package_can_be_rendered() -> None:
    found = check()
    assert [one.name for one in found] == names() != []
    assert [one.problem for one in found if one.problem] == []


def test_a_prompt_carries_its_version_and_the_digest_of_its_file() -> None:
    prompt = render("sample_news_classifier", labels=["Earnings", "Dividends"])
    assert (prompt.name, prompt.version) == ("sample_news_classifier", 1)
    assert "\nEvent types: Earnings; Dividends\n" in prompt.text
    file = resource_path("prompts/sample_news_classifier.md")
    assert prompt.digest == sha256(file.read_bytes()).hexdigest()


def test_the_digests_of_the_judges_prompts_are_those_that_scores_carry() -> None:
    """Scores under another digest would not be comparable with those that are stored."""
    assert judge_prompt("similarity").digest.startswith("f0f893a942f2")
    assert judge_prompt("tool-calling").digest.startswith("e8c1b8f0397d")


@pytest.mark.parametrize(
    ("name", "inputs", "sentence"),
    [
        ("sample_news_classifier", {}, "was not given labels. It takes labels."),
        ("sample_news_classifier", {"labels": [], "x": 1}, "takes no x. It takes labels."),
        ("sample_news_classifier", {"labels": 7}, "cannot be rendered: 'int' object is not iter"),
        ("judge_similarity", {"answer": "a"}, "takes no answer. It takes none."),
        ("../config/config", {}, "There is no prompt ../config/config. There are: answer_questio"),
    ],
)
def test_other_inputs_than_declared_are_one_sentence(
    name: str, inputs: dict[str, object], sentence: str
) -> None:
    with pytest.raises(PromptError) as caught:
        render(name, **inputs)
    assert sentence in str(caught.value)


def test_a_template_reaches_nothing_but_its_inputs(tmp_path: Path) -> None:
    reach = "{{ thread.__class__.__mro__ }}"
    (tmp_path / "reach.md").write_text(GOOD.replace("{{ thread | untrusted }}", reach))
    [found] = check(tmp_path)
    assert found.problem is not None
    assert "unsafe" in found.problem


BROKEN = {
    "no_matter": ("Say hello.", "has no front matter"),
    "no_yaml": (GOOD.replace("version: 3", "version: ["), "is no YAML"),
    "no_version": (GOOD.replace("version: 3\n", ""), "version: Field required"),
    "no_example": (GOOD.replace("  thread: [hello]", "  other: 1"), "not name the same: other, th"),
    "undeclared": (GOOD + "{{ name }}", "uses but does not declare name"),
    "unused": (GOOD.replace("{{ thread | untrusted }}", "it"), "declares but does not use thread"),
    "no_jinja": (GOOD.replace("untrusted }}", "untrusted }"), "is no Jinja template: line 1"),
    "no_filter": (GOOD.replace("untrusted", "trusted"), "No filter named 'trusted'"),
    "undefined": (GOOD.replace("thread |", "thread[0].text |"), "cannot be rendered"),
    "silent": (GOOD.replace("Read {{ thread | untrusted }}.", "{% if not thread %}a{% endif %}"),
               "says nothing"),
    "Name-odd": (GOOD, "A prompt cannot be called 'Name-odd'"),
}  # fmt: skip


def test_the_check_names_every_broken_prompt(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(GOOD)
    assert open_prompt("good", tmp_path).render({"thread": 1}).version == 3
    done = CliRunner().invoke(app, ["prompts", "check", str(tmp_path)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1].split()[:4] == ["good", "3", "thread", "38"]

    for name, (text, _) in BROKEN.items():
        (tmp_path / f"{name}.md").write_text(text)
    done = CliRunner().invoke(app, ["prompts", "check", str(tmp_path)], env={"COLUMNS": "200"})
    assert done.exit_code == 1
    said = done.output.splitlines()[2 + len(BROKEN) :]
    assert len(said) == len(BROKEN), "one sentence each"
    for name, (_, fault) in BROKEN.items():
        assert [line for line in said if name in line and fault in line], name
