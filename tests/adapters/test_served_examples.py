"""Asking a served model with examples, and what that leaves."""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from flywheel.adapters.local_platform import LocalPlatform
from flywheel.errors import DataError, UnavailableError
from flywheel.settings import IclConfig
from flywheel.settings.endpoints import EmbedderConfig
from flywheel.settings.sections import SimilarityConfig
from tests.support.openai_server import EMBEDDER, examples_of, question_of
from tests.support.running import WORDS
from tests.support.served import KEY, TOOLS, Bench, lines_of, names_in, write, write_datasets


async def test_examples_help_and_come_from_the_training_set(bench: Bench) -> None:
    base, _, _ = await bench.ask()
    icl = IclConfig(max_examples=6, min_examples=3)
    shown, artifact, said = await bench.ask("icl-eval", icl=icl)
    assert bench.right(base) == 5
    assert bench.right(shown) > 10
    assert said == ""
    train = {line["messages"][1]["content"] for line in lines_of(bench.datasets.train)}
    asked = bench.server.with_examples
    assert len(asked) == 15
    for body in asked:
        found = examples_of(body["messages"])
        assert {text for text, _ in found} <= train
        assert Counter(a["content"] for _, a in found) == {f"[[[{c}]]]": 2 for c in WORDS}
    assert artifact is not None
    assert artifact.params["max_examples"] == 6


async def test_likeness_chooses_for_each_request(bench: Bench) -> None:
    similarity = SimilarityConfig(relevance_ratio=1.0)
    icl = IclConfig(
        max_examples=2, example_selection="semantic_similarity", similarity_config=similarity
    )
    rows, artifact, _ = await bench.ask("icl-eval", icl=icl)
    assert bench.right(rows) == 15
    assert artifact is not None
    assert artifact.params["likeness"] in {"tfidf", "minilm"}
    assert artifact.train_records == 45, "all of the training set is needed to ask again"
    chosen = {tuple(t for t, _ in examples_of(b["messages"])) for b in bench.server.with_examples}
    assert len(chosen) > 5


async def test_an_endpoint_may_measure_likeness(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = EmbedderConfig(
        url=f"{bench.server.url}/embeddings", model_name=EMBEDDER, retry_seconds=0.001
    )
    icl = IclConfig(
        max_examples=3,
        example_selection="semantic_similarity",
        similarity_config=SimilarityConfig(relevance_ratio=0.7, embedding_nim_config=embedder),
    )
    rows, artifact, _ = await bench.ask("icl-eval", icl=icl)
    assert bench.right(rows) == 15
    assert artifact is not None
    assert artifact.params["likeness"] == "endpoint"
    assert sum(len(batch) for batch in bench.server.embedded) == 60
    assert max(len(batch) for batch in bench.server.embedded) == 32

    bench.server.key = KEY
    monkeypatch.setenv("FLYWHEEL_EMBEDDING_API_KEY", "sk-hunter3")
    with pytest.raises(
        UnavailableError, match=r"The embedder at .* refuses .* [(]401[)]"
    ) as caught:
        await bench.ask("icl-eval", icl=icl)
    assert "FLYWHEEL_EMBEDDING_API_KEY" in caught.value.hint
    assert "hunter" not in str(caught.value)


async def test_what_does_not_fit_is_asked_without_examples_and_counted(bench: Bench) -> None:
    lines = lines_of(bench.datasets.eval)
    longer = json.loads(json.dumps(lines[0]))
    longer["request"]["messages"][1]["content"] += " long" * 300
    write(bench.datasets.eval, [*lines, longer])
    bench.labels.append(bench.labels[0])
    icl = IclConfig(max_context_length=400, reserved_tokens=100, max_examples=8, min_examples=2)
    rows, _, said = await bench.ask("icl-eval", icl=icl)
    assert said == "1 of 16 asked without examples: too few fit"
    assert len(rows) == 16
    lengths = {len(examples_of(b["messages"])) for b in bench.server.bodies}
    assert 0 in lengths
    assert all(n == 0 or 2 <= n < 8 for n in lengths)


async def test_tool_calls_are_answered_and_shown_in_examples(bench: Bench, tmp_path: Path) -> None:
    def asking(text: str) -> dict[str, Any]:
        return {
            "messages": [{"role": "user", "content": text}],
            "tools": TOOLS,
            "tool_choice": "auto",
        }

    def taught(text: str, name: str) -> dict[str, Any]:
        function = {"name": name, "arguments": {"q": text}}  # parsed, as building leaves them
        answer = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_abc", "type": "function", "function": function}],
        }
        return {"messages": [{"role": "user", "content": text}, answer], "tools": TOOLS}

    train = [taught(f"find news {i}", "search") for i in range(4)]
    train += [taught(f"reserve a table {i}", "book") for i in range(4)]
    questions = ["find music", "reserve a room"]
    bench.datasets = write_datasets(tmp_path, train, [asking(q) for q in questions])
    base, _, _ = await bench.ask()
    assert [row.tool_calls[0]["function"]["name"] for row in base if row.tool_calls] == [
        "search"
    ] * 2
    shown, _, _ = await bench.ask("icl-eval", icl=IclConfig(max_examples=4))
    calls = [row.tool_calls[0]["function"] for row in shown if row.tool_calls]
    assert [call["name"] for call in calls] == ["search", "book"]
    assert json.loads(calls[1]["arguments"])["q"].startswith("reserve a table")
    assert [row.answer for row in shown] == ["", ""]
    assert bench.server.refused == [], "the server checks roles, ids and results"


async def test_what_is_kept_can_be_asked_again_and_verified(bench: Bench) -> None:
    icl = IclConfig(max_examples=6, min_examples=3)
    shown, artifact, _ = await bench.ask("icl-eval", icl=icl)
    assert artifact is not None
    folder = Path(artifact.uri)
    assert names_in(folder) == ["SHA256SUMS", "examples.jsonl", "served.json"]
    assert artifact.digest == sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    first = [body["messages"] for body in bench.server.with_examples]
    bench.server.bodies.clear()
    write(bench.datasets.train, [])  # an incumbent needs nothing of its run but its files
    again, nothing, _ = await bench.ask("incumbent-eval", artifact=artifact.uri, model_name="other")
    assert nothing is None
    assert [r.answer for r in again] == [r.answer for r in shown]
    second = [body["messages"] for body in bench.server.with_examples]
    assert sorted(first, key=question_of) == sorted(second, key=question_of)

    platform = LocalPlatform(bench.folder, ["hashing-sgd"], 1)
    await platform.verify(artifact)
    write(str(folder / "examples.jsonl"), [{}])
    with pytest.raises(DataError, match="is not the file"):
        await platform.verify(artifact)
    with pytest.raises(DataError, match="is not the file"):
        await bench.ask("incumbent-eval", artifact=artifact.uri)
