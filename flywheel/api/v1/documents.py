"""What a run leaves to read: its policy, receipt and pictures; and the policy in force."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from flywheel.api.auth import AUTHENTICATED
from flywheel.api.common import Parts, RunId
from flywheel.api.errors import RESPONSES
from flywheel.decisions.policy import PolicyDocument
from flywheel.errors import NotFoundError
from flywheel.plots.picture import LeftOut, PictureName, Pictures
from flywheel.service import pictures, policies, receipts, runs
from flywheel.views import RunView

PNG, SVG = "image/png", "image/svg+xml"

router = APIRouter(
    prefix="/api/v1", tags=["documents"], dependencies=AUTHENTICATED, responses=RESPONSES
)


class Album:
    """The pictures that were drawn last: a client fetches those of one run, one after the other."""

    def __init__(self) -> None:
        self._drawing = asyncio.Lock()
        self._last: tuple[tuple[str, int], Pictures] | None = None

    async def of(self, view: RunView) -> Pictures:
        """The pictures of the run as it is now."""
        key = view.id, view.version
        async with self._drawing:
            if self._last is None or self._last[0] != key:
                self._last = key, await pictures.pictures_of(view)
            return self._last[1]


async def _album(request: Request) -> Album:
    album: Album = request.app.state.album
    return album


Drawn = Annotated[Album, Depends(_album)]


class PictureItem(BaseModel):
    """A picture that can be fetched."""

    name: PictureName
    title: str
    alt: str = Field(description="The same in words, with the numbers")


class PictureList(BaseModel):
    """The pictures of a run, and why it does not have the others."""

    drawn: list[PictureItem]
    left_out: list[LeftOut]


@router.get("/policy")
async def policy_in_force(parts: Parts) -> PolicyDocument:
    """Show the policy that the next run will be judged by."""
    return await policies.policy_in_force(parts)


@router.get("/runs/{id}/policy")
async def policy_of_run(run_id: RunId, parts: Parts) -> PolicyDocument:
    """Show the policy that a run is judged by."""
    return await policies.policy_of(parts, run_id)


@router.get(
    "/runs/{id}/receipt",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def receipt(run_id: RunId, parts: Parts) -> Response:
    """Fetch the signed receipt of a run, byte by byte, also of one that is deleted."""
    document = await receipts.receipt_of(parts, run_id)
    return Response(document.encode(), media_type="application/json")


@router.get("/runs/{id}/pictures")
async def list_pictures(run_id: RunId, parts: Parts, album: Drawn) -> PictureList:
    """List the pictures of a run with their texts."""
    drawn, left_out = await album.of(await runs.get_run(parts, run_id))
    items = [PictureItem(name=one.name, title=one.title, alt=one.alt) for one in drawn]
    return PictureList(drawn=items, left_out=left_out)


@router.get(
    "/runs/{id}/pictures/{name}.{form}",
    response_class=Response,
    responses={200: {"content": {PNG: {}, SVG: {}}}},
)
async def picture(
    run_id: RunId, name: PictureName, form: Literal["png", "svg"], parts: Parts, album: Drawn
) -> Response:
    """Fetch a picture of a run as PNG or SVG."""
    drawn, left_out = await album.of(await runs.get_run(parts, run_id))
    for one in drawn:
        if one.name == name:
            return _image(one.png, PNG) if form == "png" else _image(one.svg, SVG)
    reasons = [one.reason for one in left_out if one.name == name]
    raise NotFoundError(f"{run_id} has no picture '{name}'.", " ".join(reasons))


def _image(content: bytes, media_type: str) -> Response:
    # An SVG that is opened in a browser is a page: it may load and run nothing.
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(content, media_type=media_type, headers=headers)
