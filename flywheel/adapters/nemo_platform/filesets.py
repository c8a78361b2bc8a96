"""Whole filesets: datasets up, models down, and the digest of what is there."""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from flywheel.adapters.nemo_platform.client import NemoPlatformClient


class Content(NamedTuple):
    """What a fileset holds."""

    digest: str  # sha256 of the lines "sha256  path", by path, hex
    size_bytes: int


async def upload(client: NemoPlatformClient, fileset: str, path: str, source: Path) -> str:
    """See that the fileset has this file; returns its reference. Safe to repeat."""
    content = await asyncio.to_thread(source.read_bytes)
    await client.create("filesets", {"name": fileset, "purpose": "dataset"})
    return await client.upload(fileset, path, content)


async def content(client: NemoPlatformClient, fileset: str) -> Content:
    """Read all of it once. Raises NotFoundError where there is no such fileset."""
    lines, size = "", 0
    for file in await client.files(fileset):
        digest = hashlib.sha256()
        async with client.download(fileset, file.path) as pieces:
            async for piece in pieces:
                digest.update(piece)
                size += len(piece)
        lines += f"{digest.hexdigest()}  {file.path}\n"
    return Content(hashlib.sha256(lines.encode()).hexdigest(), size)


async def download(client: NemoPlatformClient, fileset: str, directory: Path) -> None:
    """Write its files as `directory`, all or nothing; one that is there already is kept."""
    if await asyncio.to_thread(directory.exists):
        return
    draft = directory.with_name(f".{directory.name}.{os.getpid()}")
    try:
        for file in await client.files(fileset):
            target = draft / PurePosixPath(file.path)
            async with client.download(fileset, file.path) as pieces:
                await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
                with target.open("wb") as out:
                    async for piece in pieces:
                        out.write(piece)
        await asyncio.to_thread(draft.rename, directory)
    finally:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
