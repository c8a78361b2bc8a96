"""What runs leave in NeMo: removing it, and finding what nobody owns."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any, Literal, NamedTuple

from flywheel.adapters.nemo import names
from flywheel.adapters.nemo.book import Book
from flywheel.adapters.nemo.client import NemoClient
from flywheel.adapters.nemo.customize import ACTIVE, Customizations
from flywheel.adapters.nemo.deploy import Deployments
from flywheel.adapters.nemo.evaluate import Evaluations
from flywheel.adapters.nemo.hub import Datastore
from flywheel.errors import FlywheelError, NotFoundError
from flywheel.ports.platform import Leftover

Kind = Literal["dataset", "job", "model", "deployment"]


class Thing(NamedTuple):
    """Something of ours in NeMo."""

    kind: Kind
    name: str
    run_uid: str | None
    remove: Callable[[], Awaitable[None]]


class StillThereError(FlywheelError):
    """It was asked to go, and has not gone yet."""


class Cleaning:
    """Everything in our namespace, and its removal."""

    def __init__(
        self,
        client: NemoClient,
        hub: Datastore,
        book: Book,
        customizations: Customizations,
        evaluations: Evaluations,
        deployments: Deployments,
    ) -> None:
        self._client, self._hub, self._book = client, hub, book
        self._customizations, self._evaluations = customizations, evaluations
        self._deployments = deployments

    async def remove(self, run_uid: str) -> list[Leftover]:
        """Delete what a run left; what could not be is returned, with the reason.

        Of what runs share, only what none of them uses.
        Customizer keeps the records of its jobs: it has no way to delete them.
        """
        failed: list[Leftover] = []
        if run_uid == names.SHARED:
            try:
                await self._deployments.release_shared()
            except FlywheelError as error:
                failed.append(
                    Leftover(kind="deployment", name="all", run_uid=run_uid, why=error.message)
                )
            return failed
        for find in (self._jobs, self._deployed, self._models, self._datasets):
            try:
                found = await find()
            except FlywheelError as error:
                failed.append(
                    Leftover(
                        kind=_KINDS[find.__name__], name="all", run_uid=run_uid, why=error.message
                    )
                )
                continue
            for thing in found:
                if thing.run_uid != run_uid:
                    continue
                try:
                    await thing.remove()
                except NotFoundError:
                    continue
                except FlywheelError as error:
                    failed.append(_leftover(thing, error.message))
        if not failed:
            await self._book.forget(run_uid)
        return failed

    async def leftovers(self, run_uids: Collection[str]) -> list[Leftover]:
        """What belongs to none of these runs; a shared deployment counts once nobody uses it."""
        needed = await self._book.needed()
        return [
            _leftover(thing)
            for find in (self._jobs, self._deployed, self._models, self._datasets)
            for thing in await find()
            if thing.run_uid not in run_uids
            and not (thing.kind == "deployment" and thing.name in needed)
        ]

    async def _jobs(self) -> list[Thing]:
        """Evaluations, and fine-tuning that goes on."""
        evaluation = self._client.sdk.evaluation.jobs
        things = []
        for one in await self._customizations.all():
            if one.status in ACTIVE:
                name = one.output_model or str(one.id)
                run = names.run_of(name, one.custom_fields)
                stop = _stopping(self._customizations.stop, str(one.id), name)
                things.append(Thing("job", name, run, stop))
        for one in await self._evaluations.all():

            async def delete(one: Any = one) -> None:
                await _stopping(self._evaluations.stop, str(one.id), str(one.description))()
                await self._client.read(
                    f"the removal of {one.description}", lambda: evaluation.delete(str(one.id))
                )

            name = one.description or str(one.id)
            things.append(Thing("job", name, names.run_of(name, one.custom_fields), delete))
        return things

    async def _deployed(self) -> list[Thing]:
        return [
            Thing(
                "deployment",
                one.name,
                names.run_of(one.name, one.custom_fields),
                _stopping(self._deployments.take_down, one.name, one.name),
            )
            for one in await self._deployments.all()
        ]

    async def _models(self) -> list[Thing]:
        models = self._client.sdk.models

        async def pages() -> list[Any]:
            listed = models.list(filter={"namespace": self._client.namespace}, page_size=100)
            return [one async for one in listed]

        things = []
        for one in await self._client.read("the list of models", pages):

            async def delete(one: Any = one) -> None:
                full = f"{one.namespace}/{one.name}"
                await self._client.read(
                    f"the removal of {full}",
                    lambda: models.delete(one.name, namespace=one.namespace),
                )
                url = "" if one.artifact is None else one.artifact.files_url or ""
                if url.startswith(("hf://", "nds:")):  # its files are in the Data Store
                    # What follows the @ is a revision of the repository, not its name.
                    repo = url.partition(":")[2].lstrip("/").removeprefix("models/").split("@")[0]
                    await self._hub.delete(repo, "model")

            things.append(
                Thing("model", one.name, names.run_of(one.name, one.custom_fields), delete)
            )
        return things

    async def _datasets(self) -> list[Thing]:
        datasets = self._client.sdk.datasets

        async def pages() -> list[Any]:
            listed = datasets.list(filter={"namespace": self._client.namespace}, page_size=100)
            return [one async for one in listed]

        things = []
        for one in await self._client.read("the list of datasets", pages):

            async def delete(one: Any = one) -> None:
                # Files first: as long as the entry is there, what is left can be found.
                await self._hub.delete(f"{one.namespace}/{one.name}", "dataset")
                await self._client.read(
                    f"the removal of {one.name}",
                    lambda: datasets.delete(one.name, namespace=one.namespace),
                )

            things.append(
                Thing("dataset", one.name, names.run_of(one.name, one.custom_fields), delete)
            )
        return things


_KINDS: dict[str, Kind] = {
    "_jobs": "job",
    "_deployed": "deployment",
    "_models": "model",
    "_datasets": "dataset",
}


def _stopping(
    stop: Callable[[str], Awaitable[bool]], key: str, name: str
) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        if not await stop(key):
            raise StillThereError(f"{name} has not stopped yet.", "Try again in a moment.")

    return run


def _leftover(thing: Thing, why: str = "") -> Leftover:
    return Leftover(kind=thing.kind, name=thing.name, run_uid=thing.run_uid, why=why)
