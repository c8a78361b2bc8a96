"""NeMo Data Store: its namespace, and files through its Hugging Face endpoints."""

import asyncio
import contextlib
import io
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import httpx
from pydantic import SecretStr

from flywheel.adapters.nemo.errors import NotTakenError, from_status
from flywheel.errors import DataError, FlywheelError, UnavailableError
from flywheel.settings.nemo import NmpConfig

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")
_NO_TOKEN = "none"  # noqa: S105 # the person's own token for the public hub is nobody else's business


class Datastore:
    """Repositories of files. Blocking calls run in threads, and are waited for so long."""

    def __init__(self, config: NmpConfig, api_key: SecretStr | None = None) -> None:
        self._config = config
        self._base = config.datastore_base_url.rstrip("/")
        self._key = "" if api_key is None else api_key.get_secret_value()
        self._known: set[str] = set()

    async def need_namespace(self, namespace: str) -> None:
        """Make the namespace where it is not there."""
        if namespace in self._known:
            return
        what = f"the namespace {namespace} of the Data Store"
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            async with httpx.AsyncClient(
                timeout=self._config.request_timeout_seconds, headers=headers
            ) as client:
                response = await client.post(
                    f"{self._base}/v1/datastore/namespaces", data={"namespace": namespace}
                )
        except httpx.ConnectError as error:
            raise NotTakenError(
                f"NeMo Data Store cannot be reached for {what}.",
                "Check nmp_config.datastore_base_url.",
            ) from error
        except httpx.HTTPError as error:
            raise UnavailableError(f"NeMo Data Store did not answer for {what}.") from error
        if response.is_error and response.status_code != httpx.codes.CONFLICT:
            raise from_status(what, response.status_code, _json(response), (self._key,))
        self._known.add(namespace)

    async def put(self, repo: str, files: Mapping[str, Path | bytes]) -> None:
        """Write files into a dataset's repository, made where it is not there; again is as once."""
        await self.need_namespace(repo.partition("/")[0])

        stopped = threading.Event()

        def work(api: "HfApi") -> None:
            from huggingface_hub import CommitOperationAdd

            api.create_repo(repo, repo_type="dataset", exist_ok=True)
            with contextlib.ExitStack() as stack:
                # Open files, not paths: paths would go through a storage that NeMo has not.
                additions = [
                    CommitOperationAdd(path, stack.enter_context(_Stoppable(content, stopped)))
                    for path, content in files.items()
                ]
                api.create_commit(repo, additions, commit_message="flywheel", repo_type="dataset")

        await self._run(f"the files of {repo}", work, self._config.upload_timeout_seconds, stopped)

    async def delete(self, repo: str, kind: Literal["dataset", "model"]) -> None:
        """Delete a repository; one that is not there is none."""
        await self._run(
            f"the removal of {repo}",
            lambda api: api.delete_repo(repo, repo_type=kind, missing_ok=True),
            self._config.request_timeout_seconds,
        )

    async def answers(self, repo: str) -> bool:
        """Whether there is such a dataset; raises UnavailableError where nothing answers."""
        return await self._run(
            f"the repository {repo}",
            lambda api: api.repo_exists(repo, repo_type="dataset"),
            self._config.request_timeout_seconds,
        )

    async def _run(
        self,
        what: str,
        work: Callable[["HfApi"], T],
        seconds: float,
        stopped: threading.Event | None = None,
    ) -> T:
        """What `work` gives; `stopped` is set for it once nobody waits for that any more.

        Cancelled, it lasts until the thread has ended: nothing of it is left behind.
        """
        stopped = stopped or threading.Event()
        loop = asyncio.get_running_loop()
        thread = loop.run_in_executor(None, lambda: work(self._api()))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(thread)
        except asyncio.CancelledError:
            stopped.set()
            await asyncio.wait({thread})
            thread.exception()  # nobody wants to know
            raise
        except TimeoutError as error:
            stopped.set()
            raise UnavailableError(
                f"NeMo Data Store was not done with {what} within {seconds:g} s."
            ) from error
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise DataError(f"The dataset {error.filename} is not there.") from error
            raise self._ours(what, error) from error
        except FlywheelError:
            raise
        except Exception as error:  # the client has errors of several libraries
            raise self._ours(what, error) from error

    def _ours(self, what: str, error: Exception) -> FlywheelError:
        response = getattr(error, "response", None)
        if response is not None:
            return from_status(what, response.status_code, _json(response), (self._key,))
        return UnavailableError(
            f"NeMo Data Store did not answer for {what} ({type(error).__name__})."
        )

    def _api(self) -> "HfApi":
        # NeMo's endpoints speak Git LFS; read when the client is imported.
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
        from huggingface_hub import HfApi, get_session
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
        get_session().timeout = self._config.request_timeout_seconds  # it would wait for ever
        return HfApi(endpoint=f"{self._base}/v1/hf", token=self._key or _NO_TOKEN)


class _Stoppable(io.BufferedReader):
    """A file that cannot be read any further once it is stopped: so an upload ends."""

    def __init__(self, content: Path | bytes, stopped: threading.Event) -> None:
        super().__init__(
            io.BytesIO(content) if isinstance(content, bytes) else content.open("rb", buffering=0)
        )
        self._stopped = stopped

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises StoppedError."""
        if self._stopped.is_set():
            raise StoppedError
        return super().read(size)


class StoppedError(Exception):
    """Nobody waits for this upload any more."""


def _json(response: object) -> object:
    try:
        return response.json()  # type: ignore[attr-defined] # of either HTTP library
    except ValueError:
        return None
