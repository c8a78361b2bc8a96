"""The calls to NeMo Platform 0.6 that flywheel makes, one method each.

Everything is in one workspace. Creating what exists already is no error: it is adopted. Deleting
what is not there is none either.
"""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from flywheel.adapters.nemo_platform.transport import NoAnswerError, Transport
from flywheel.adapters.nemo_platform.wire import (
    AggregateScores,
    Completion,
    Deployment,
    FilesetFile,
    GatewayModel,
    Named,
    Page,
    PlatformJob,
    Provider,
    RowScore,
)
from flywheel.errors import ConflictError, DataError, NotFoundError, UnavailableError

# A kind of job: its service and the path of its collection.
Collection = Literal["students", "unsloth", "automodel", "evaluate"]
Kind = Literal["filesets", "providers", "models", "deployments", "deployment-configs"]

_SERVICES = {"filesets": "files"}  # the other kinds are the models service's
Read = TypeVar("Read", bound=BaseModel)


class NemoPlatformClient:
    """Thin, asynchronous, for one workspace. Raises what `Transport.request` raises."""

    def __init__(self, transport: Transport, workspace: str, page_size: int = 100) -> None:
        self.workspace = workspace
        self._page_size = page_size
        self.where = transport.where
        self._http = transport

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def version(self) -> str:
        """Of the server."""
        info = (await self._http.request("GET", "/cluster-info")).json()
        return str(info.get("platform_version", "of unknown version"))

    async def backends(self) -> list[str]:
        """The training backends that are installed."""
        info = (await self._http.request("GET", "/apis/customization/v2/healthz")).json()
        return [str(name) for name in info.get("contributors", [])]

    async def create_workspace(self) -> None:
        """See that the workspace is there."""
        with contextlib.suppress(ConflictError):
            await self._http.request(
                "POST", "/apis/entities/v2/workspaces", json={"name": self.workspace}
            )

    # --- anything with a name ---------------------------------------------------------------------

    async def create(self, kind: Kind, body: dict[str, Any]) -> bool:
        """Create it; False where one of its name existed, which stays as it is."""
        return await self._create(self._collection(kind), body)

    async def delete(self, kind: Kind, name: str) -> None:
        """Delete it."""
        await self._delete(f"{self._collection(kind)}/{_quoted(name)}")

    async def names(self, kind: Kind) -> list[str]:
        """All of that kind."""
        return [item.name for item in await self._list(self._collection(kind), Named)]

    # --- files ------------------------------------------------------------------------------------

    async def upload(self, fileset: str, path: str, content: bytes) -> str:
        """Write a file; the same again changes nothing. Returns its reference."""
        await self._http.request("PUT", self._file(fileset, path), content=content)
        return self.file_ref(fileset, path)

    async def files(self, fileset: str) -> list[FilesetFile]:
        """Its files, by path. Raises NotFoundError where there is no such fileset."""
        path = f"{self._collection('filesets')}/{_quoted(fileset)}/files"
        return sorted(await self._list(path, FilesetFile), key=lambda file: file.path)

    @asynccontextmanager
    async def download(self, fileset: str, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The content of a file, in pieces."""
        async with self._http.stream(self._file(fileset, path)) as pieces:
            yield pieces

    def file_ref(self, fileset: str, path: str) -> str:
        """How the platform's own services name a file."""
        return f"{self.workspace}/{fileset}#{path}"

    def fileset_of(self, uri: str) -> str:
        """The fileset in 'workspace/fileset'. Raises DataError where it is not of ours."""
        workspace, _, fileset = uri.partition("/")
        if workspace != self.workspace or not fileset:
            raise DataError(
                f"The model {uri} is not on this NeMo Platform, in the workspace {self.workspace}.",
                "Start a new run to train a model there.",
            )
        return fileset

    # --- jobs -------------------------------------------------------------------------------------

    async def submit(self, collection: Collection, name: str, spec: dict[str, Any]) -> bool:
        """Start a job; False where one of that name was started before."""
        return await self._create(self._jobs(collection), {"name": name, "spec": spec})

    async def job(self, collection: Collection, name: str) -> PlatformJob | None:
        """How it stands; None where there is none."""
        try:
            return await self._get(f"{self._jobs(collection, name)}/status", PlatformJob)
        except NotFoundError:
            return None

    async def cancel(self, collection: Collection, name: str) -> None:
        """Ask it to stop; nothing where it has ended, or is not there."""
        with contextlib.suppress(NotFoundError, ConflictError):
            await self._http.request("POST", f"{self._jobs(collection, name)}/cancel")

    async def delete_job(self, collection: Collection, name: str) -> None:
        """Delete it with its results."""
        await self._delete(self._jobs(collection, name))

    async def job_names(self, collection: Collection) -> list[str]:
        """All jobs of that kind."""
        return [job.name for job in await self._list(self._jobs(collection), Named)]

    # --- results of evaluations -------------------------------------------------------------------

    async def aggregate_scores(self, name: str) -> AggregateScores:
        """The scores over all rows of a completed evaluation."""
        path = f"{self._jobs('evaluate', name)}/results/aggregate-scores/download"
        return await self._get(path, AggregateScores)

    async def row_scores(self, name: str) -> list[RowScore]:
        """Every row's answer of a completed evaluation."""
        path = f"{self._jobs('evaluate', name)}/results/row-scores/download"
        lines = (await self._http.request("GET", path)).content.splitlines()
        return [self._read(line, RowScore) for line in lines if line.strip()]

    async def delete_evaluation_result(self, name: str) -> None:
        """Delete the record that an evaluation leaves beside its job."""
        path = f"/apis/evaluator/v2/workspaces/{self.workspace}/eval-results/{_quoted(name)}"
        await self._delete(path)

    # --- serving ----------------------------------------------------------------------------------

    async def provider(self, name: str) -> Provider | None:
        """How it stands; None where there is none."""
        return await self._find(f"{self._collection('providers')}/{_quoted(name)}", Provider)

    async def deployment(self, name: str) -> Deployment | None:
        """How it stands; None where there is none."""
        return await self._find(f"{self._collection('deployments')}/{_quoted(name)}", Deployment)

    @property
    def gateway(self) -> str:
        """The path under which the inference gateway speaks OpenAI's API."""
        return f"/apis/inference-gateway/v2/workspaces/{self.workspace}/openai/-/v1"

    async def gateway_models(self) -> list[str]:
        """What can be asked now, as workspace/name."""
        models = await self._list(f"{self.gateway}/models", GatewayModel, paged=False)
        return [model.id for model in models]

    async def complete(self, body: dict[str, Any]) -> tuple[Completion, float]:
        """Ask a model; its answer, and the seconds from this request to the end of its answer.

        Asked again where the gateway is busy: an answer changes nothing.
        """
        path = f"{self.gateway}/chat/completions"
        response = await self._http.request("POST", path, json=body, repeatable=True)
        return self._read(response.content, Completion), response.elapsed.total_seconds()

    # --- below ------------------------------------------------------------------------------------

    def _collection(self, kind: Kind) -> str:
        service = _SERVICES.get(kind, "models")
        return f"/apis/{service}/v2/workspaces/{self.workspace}/{kind}"

    def _jobs(self, collection: Collection, name: str | None = None) -> str:
        service = "evaluator" if collection == "evaluate" else "customization"
        path = f"/apis/{service}/v2/workspaces/{self.workspace}/{collection}/jobs"
        return path if name is None else f"{path}/{_quoted(name)}"

    def _file(self, fileset: str, path: str) -> str:
        inside = PurePosixPath(path)
        if inside.is_absolute() or ".." in inside.parts:
            raise UnavailableError(f"{self.where} has a file '{path}', which is no path in it.")
        return f"{self._collection('filesets')}/{_quoted(fileset)}/-/{quote(path)}"

    async def _create(self, path: str, body: dict[str, Any]) -> bool:
        try:
            await self._http.request("POST", path, json=body)
        except ConflictError:
            return False
        except NoAnswerError:  # it may have been done all the same
            if await self._exists(f"{path}/{_quoted(body['name'])}"):
                return False
            raise
        return True

    async def _exists(self, path: str) -> bool:
        try:
            response = await self._http.request("GET", path)
        except NotFoundError:
            return False
        return response.status_code == HTTPStatus.OK

    async def _delete(self, path: str) -> None:
        with contextlib.suppress(NotFoundError):
            await self._http.request("DELETE", path)

    async def _find(self, path: str, model: type[Read]) -> Read | None:
        try:
            return await self._get(path, model)
        except NotFoundError:
            return None

    async def _get(self, path: str, model: type[Read]) -> Read:
        return self._read((await self._http.request("GET", path)).content, model)

    async def _list(self, path: str, item: type[Read], paged: bool = True) -> list[Read]:
        found: list[Read] = []
        page = 1
        while True:
            query = f"?page={page}&page_size={self._page_size}" if paged else ""
            read = await self._get(path + query, Page[item])  # type: ignore[valid-type]
            found += read.data
            if read.pagination is None or page >= read.pagination.total_pages:
                return found
            page += 1

    def _read(self, content: bytes, model: type[Read]) -> Read:
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UnavailableError(
                f"{self.where} answers something else than {model.__name__}: "
                f"{place or 'the answer'}: {first['msg']}.",
                "flywheel speaks to NeMo Platform 0.6.",
            ) from None


def _quoted(name: str) -> str:
    return quote(name, safe="")
