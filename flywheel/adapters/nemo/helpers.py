"""Helper models: the judge and the embedder, deployed once for all runs or somebody else's."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from flywheel.adapters import openai_embeddings, openai_http
from flywheel.adapters.nemo import names, tasks
from flywheel.adapters.nemo.book import Book, Note
from flywheel.adapters.nemo.client import NemoClient
from flywheel.adapters.nemo.deploy import Deployments, Nim, nim_of
from flywheel.adapters.nemo.icl import Embed
from flywheel.evaluation.judge import JudgeTask, judge_prompt
from flywheel.ports.platform import DeployJob, Job, JobStatus, OwnJudge
from flywheel.settings import IclConfig
from flywheel.settings.endpoints import JudgeConfig
from flywheel.settings.sections import EvaluationConfig

_BATCH = 64  # texts in one request for embeddings


class Helpers:
    """Whom an evaluation needs besides its candidate."""

    def __init__(
        self,
        client: NemoClient,
        deployments: Deployments,
        book: Book,
        judge: JudgeConfig,
        evaluation: EvaluationConfig,
        judge_key: SecretStr | None,
        embedding_key: SecretStr | None,
    ) -> None:
        self._client, self._deployments, self._book = client, deployments, book
        self._judge, self._evaluation, self._judge_key = judge, evaluation, judge_key
        self._embedding_key = embedding_key

    def gpus(self) -> int:
        """GPUs of the judge, where it is ours to deploy."""
        return nim_of(self._judge).gpus if self._local_judge() else 0

    def own_judge(self, api_key: SecretStr | None) -> OwnJudge | None:
        """The judge, where it is ours to deploy: behind the NIM proxy."""
        if not self._local_judge():
            return None
        url = f"{self._client.config.nim_base_url.rstrip('/')}/v1"
        update = {"deployment_type": "remote", "url": url}
        return OwnJudge(config=self._judge.model_copy(update=update), api_key=api_key)

    async def hold_judge(self, job: DeployJob, note: Note) -> JobStatus:
        """Bring the judge up, for as long as the job is not cancelled."""
        note.holds = True
        waiting = await self.need([nim_of(self._judge)], job, note)
        return waiting or JobStatus(state="completed", percent=100, message="ready")

    async def let_judge_go(self, job: DeployJob) -> bool:
        """Take it down where nobody else uses it; True once that is done."""
        await self.release()
        name = names.shared(job.candidate)
        return name in await self._book.needed() or not await self._deployments.is_up(name)

    def judges(self, kind: tasks.Kind, by_evaluator: bool) -> list[Nim]:
        """The judge, where Evaluator asks one that is ours to deploy."""
        wanted = by_evaluator and self._task(kind) is not None and self._local_judge()
        return [nim_of(self._judge)] if wanted else []

    def judge_metric(self, kind: tasks.Kind) -> dict[str, Any] | None:
        """The judge's metric, where answers of that kind are judged."""
        task = self._task(kind)
        if task is None:
            return None
        model: str | dict[str, Any] = self._judge.model_name or ""
        if self._judge.deployment_type == "remote":
            # NeMo asks at exactly this address.
            url = openai_http.address(
                self._judge.url or "", openai_http.COMPLETIONS, "llm_judge_config"
            )
            endpoint = {"url": str(url), "model_id": self._judge.model_name}
            if self._judge_key is not None:
                endpoint["api_key"] = self._judge_key.get_secret_value()
            model = {"api_endpoint": endpoint}
        return tasks.judge_metric(task, judge_prompt(task).text, model)

    @staticmethod
    def embedders(icl: IclConfig) -> list[Nim]:
        """The embedding NIM that the settings ask for."""
        similarity = icl.similarity_config
        if similarity is None or similarity.embedding_nim_config is None:
            return []
        return [nim_of(similarity.embedding_nim_config)]

    def embedding(self, icl: IclConfig) -> Embed:
        """Vectors of texts, by the embedding NIM or by somebody's endpoint."""

        async def embed(texts: Sequence[str]) -> NDArray[np.float32]:
            assert icl.similarity_config is not None  # it has chosen this way
            config = icl.similarity_config.embedding_nim_config
            assert config is not None
            if config.deployment_type == "remote":
                return await openai_embeddings.embed(config, self._embedding_key, texts)
            found: list[list[float]] = []
            for first in range(0, len(texts), _BATCH):
                batch = list(texts[first : first + _BATCH])
                found += await self._embed(config.model_name or "", batch)
            return np.asarray(found, dtype=np.float32)

        return embed

    async def need(self, wanted: Sequence[Nim], job: Job, note: Note) -> JobStatus | None:
        """Bring up those that are not there; a status where one is to be waited for, or failed."""
        new = {names.shared(nim.model) for nim in wanted} - note.helpers.keys()
        if new:
            note.helpers |= {name: Note() for name in new}
            async with self._book.claims():  # who takes down what nobody uses has to see it
                await self._book.keep(job, note)
        for nim in wanted:
            name = names.shared(nim.model)
            status = await self._deployments.bring_up(name, nim, {}, note.helpers[name])
            if status.state == "failed":
                return status
            if status.state == "running":
                return status.model_copy(update={"message": f"{nim.model}: {status.message}"})
        return None

    async def release(self) -> None:
        """Take down those that no job uses any more."""
        await self._deployments.release_shared()

    async def _embed(self, model: str, texts: list[str]) -> list[list[float]]:
        call: Callable[[], Any] = lambda: self._client.sdk.embeddings.create(  # noqa: E731
            model=model, input=texts, extra_body={"input_type": "query"}
        )
        reply = await self._client.read(f"embeddings of {model}", call)
        return [list(one.embedding) for one in sorted(reply.data, key=lambda one: one.index)]

    def _local_judge(self) -> bool:
        return self._judge.deployment_type == "local" and bool(self._judge.model_name)

    def _task(self, kind: tasks.Kind) -> JudgeTask | None:
        """What a judge is asked of answers of that kind; None where there is none, or no need."""
        there = self._local_judge() or bool(self._judge.url and self._judge.model_name)
        if not there:
            return None
        if kind == "tool_calling":
            judged = self._evaluation.tool_eval_type == "tool-calling-judge"
            return "tool-calling" if judged else None
        return "similarity" if kind == "generic" else None
