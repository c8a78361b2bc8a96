"""Receipts: read the one of a run, check one from a file."""

import asyncio
from pathlib import Path

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Receipt, Run
from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.receipts.keys import own_public_key, public_pem, read_public_key, signing_key
from flywheel.receipts.verify import Verification, verify
from flywheel.runs.state import run_ref
from flywheel.service.naming import find, is_last, number
from flywheel.settings import Settings


async def receipt_of(backends: Backends, ref: str) -> str:
    """The signed document, byte by byte as it was stored, also of a run that is deleted.

    Raises NotFoundError where there is none: the run has not completed, or is older than receipts.
    """
    async with backends.database.transaction() as session:
        if (deleted := await _of_deleted(session, ref, backends.hidden)) is not None:
            return deleted
        run = await session.get_one(Run, await find(session, ref, backends.hidden))
        query = select(Receipt.document).where(Receipt.run_uid == run.uid)
        document = (await session.exec(query)).one_or_none()
    if run.status != "completed":
        raise NotFoundError(
            f"{run_ref(run.id)} has no receipt: it is {run.status}.",
            "A run has one once it is completed.",
        )
    if document is None:
        raise NotFoundError(
            f"{run_ref(run.id)} has no receipt: it was completed before flywheel signed receipts.",
            "Run it again to have one.",
        )
    return document


async def _of_deleted(session: AsyncSession, ref: str, hidden: frozenset[str]) -> str | None:
    """The receipt that a deleted run has left; numbers of runs are never given twice."""
    if is_last(ref) or await session.get(Run, number(ref)) is not None:
        return None
    query = select(Receipt).where(Receipt.run_id == number(ref))
    found = (await session.exec(query)).one_or_none()
    return None if found is None or found.workload_id in hidden else found.document


async def verify_receipt(
    settings: Settings, file: Path, key: Path | None, folder: Path | None, strict: bool
) -> Verification:
    """Check a receipt; the key trusted is the one in `key`, else the one of this home."""
    return await asyncio.to_thread(_verify, settings, file, key, folder, strict)


async def public_key_pem(settings: Settings) -> str:
    """The public key of this home as PEM; the key is made where there is none yet."""
    key = await asyncio.to_thread(signing_key, settings)
    return public_pem(key.public_key())


def _verify(
    settings: Settings, file: Path, key: Path | None, folder: Path | None, strict: bool
) -> Verification:
    trusted = own_public_key(settings) if key is None else read_public_key(key)
    return verify(file, trusted, folder, strict)
