"""Receipts: read the one of a run, check one from a file."""

import asyncio
from pathlib import Path

from sqlmodel import select

from flywheel.db.models import Receipt, Run
from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.receipts.signing import key_id, private_key, public_key, public_pem
from flywheel.receipts.verify import Verification, verify
from flywheel.runs.state import run_ref
from flywheel.service.naming import find
from flywheel.settings import Settings


async def receipt_of(backends: Backends, ref: str) -> str:
    """The signed document, byte by byte as it was stored. Raises NotFoundError."""
    async with backends.database.transaction() as session:
        run = await session.get_one(Run, await find(session, ref))
        query = select(Receipt.document).where(Receipt.run_uid == run.uid)
        document = (await session.exec(query)).one_or_none()
    if document is None:
        raise NotFoundError(
            f"{run_ref(run.id)} has no receipt: it is {run.status}.",
            "A run gets one with its verdict.",
        )
    return document


async def verify_receipt(
    settings: Settings, file: Path, key: Path | None, folder: Path | None, strict: bool
) -> Verification:
    """Check a receipt; the key trusted is `key`, else the one of this home."""
    return await asyncio.to_thread(_verify, settings, file, key, folder, strict)


async def own_public_key(settings: Settings) -> str:
    """The public key of this home as PEM."""
    key = await asyncio.to_thread(private_key, settings.receipt_key)
    return public_pem(key.public_key())


def _verify(
    settings: Settings, file: Path, key: Path | None, folder: Path | None, strict: bool
) -> Verification:
    if key is not None:
        known = {key_id(public_key(key))}
    elif settings.receipt_key.exists():
        known = {key_id(private_key(settings.receipt_key).public_key())}
    else:
        known = set()
    return verify(file, known, folder, strict)
