"""A served candidate in a test: datasets as building writes them, and its jobs."""

import asyncio
import json
from pathlib import Path
from typing import Any

from flywheel.adapters.local_platform.served_job import ANSWERS, evaluate
from flywheel.ports.platform import (
    DatasetFiles,
    EvalType,
    EvaluateJob,
    ModelArtifact,
    PredictionRow,
)
from flywheel.settings import ServedCandidateConfig
from tests.support.openai_server import MODEL, OpenAIServer
from tests.support.running import WORDS

KEY = "sk-hunter2"
NAME = "neighbour"
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("search", "book")
]


def write_datasets(folder: Path, train: list[Any], asked: list[Any]) -> DatasetFiles:
    """Lines as building writes them."""
    eval_lines = [
        {"id": str(i), "label": "", "request": r, "response": {}} for i, r in enumerate(asked)
    ]
    uris = {name: str(folder / f"{name}.jsonl") for name in ("train", "val", "eval")}
    for name, lines in (("train", train), ("val", []), ("eval", eval_lines)):
        write(uris[name], lines)
    return DatasetFiles(**uris, labels=list(WORDS))


def headlines(folder: Path, n: int = 60) -> tuple[DatasetFiles, list[str]]:
    """Headlines, and the labels of those that are asked. Every third is."""
    made = []
    for i in range(n):
        label = list(WORDS)[i % 3]
        words = WORDS[label]
        picked = [words[(i + k * k) % len(words)] for k in range(4)]
        made.append((f"{' '.join(picked)} {i}", f"[[[{label}]]]"))
    system = {"role": "system", "content": "Classify."}
    train = [
        {
            "messages": [
                system,
                {"role": "user", "content": text},
                {"role": "assistant", "content": label},
            ]
        }
        for i, (text, label) in enumerate(made)
        if i % 4
    ]
    asked = [
        {
            "model": "big",
            "messages": [system, {"role": "user", "content": text}],
            "temperature": 0.0,
            "max_tokens": 32,
            "stream": True,
            "user": "u1",
        }
        for text, _ in made[::4]
    ]
    return write_datasets(folder, train, asked), [label for _, label in made[::4]]


def lines_of(path: str) -> list[Any]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def write(path: str, lines: list[Any]) -> None:
    Path(path).write_text("".join(json.dumps(line) + "\n" for line in lines))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def requests_of(bench: "Bench") -> list[dict[str, Any]]:
    return [line["request"] for line in lines_of(bench.datasets.eval)]


class Bench:
    """Jobs in this process, which is quick; processes are tested apart."""

    def __init__(self, folder: Path, server: OpenAIServer) -> None:
        self.folder, self.server = folder, server
        self.datasets, self.labels = headlines(folder)
        self.told: list[str] = []

    def config(self, **more: Any) -> ServedCandidateConfig:
        quick = {"retry_seconds": 0.001, "timeout_seconds": 5.0, "max_attempts": 3}
        named = {"name": NAME, "url": self.server.url, "model_name": MODEL}
        return ServedCandidateConfig(**{**named, **quick, **more})

    def job(self, eval_type: EvalType = "base-eval", **more: Any) -> EvaluateJob:
        return EvaluateJob(
            name=f"run1-{NAME}-{eval_type}",
            run_uid="run1",
            candidate=NAME,
            seed=7,
            datasets=self.datasets,
            eval_type=eval_type,
            **more,
        )

    async def ask(
        self,
        eval_type: EvalType = "base-eval",
        artifact: str | None = None,
        icl: Any = None,
        **more: Any,
    ) -> tuple[list[PredictionRow], ModelArtifact | None, str]:
        job = self.job(eval_type, artifact=artifact, icl=icl)
        (self.folder / ANSWERS).unlink(missing_ok=True)
        return await asyncio.to_thread(
            evaluate,
            job,
            self.config(**more),
            self.folder,
            self.folder / "model",
            lambda _, text: self.told.append(text),
        )

    def right(self, rows: list[PredictionRow]) -> int:
        return sum(r.answer == label for r, label in zip(rows, self.labels, strict=True))
