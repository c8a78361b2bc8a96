"""How errors reach a client: a status, one sentence, and what to do about it."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flywheel.errors import (
    ConflictError,
    DataError,
    FlywheelError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)

log = logging.getLogger(__name__)


class UnauthenticatedError(FlywheelError):
    """The request carries no key that is known here."""


class FieldFault(BaseModel):
    """What is wrong with one field of a request."""

    loc: list[str | int] = Field(description="Where: body, query or path, then the field")
    msg: str = Field(description="One sentence that names the field")
    type: str


class Refusal(BaseModel):
    """The body of every answer that is not a success."""

    detail: str | list[FieldFault] = Field(description="What is wrong; a list for wrong fields")
    hint: str = Field("", description="What to do about it")


STATUS: dict[type[FlywheelError], int] = {
    InvalidInputError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    DataError: 422,
    UnavailableError: 503,
    FlywheelError: 500,
}

RESPONSES: dict[int | str, dict[str, object]] = {
    status: {"model": Refusal, "description": text}
    for status, text in {
        400: "A value cannot be used",
        401: "No valid key",
        403: "Not allowed",
        404: "Not found",
        409: "Not in this state",
        413: "The body is too large",
        422: "A field is wrong",
        503: "A part does not answer",
    }.items()
}


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Let the application, which has these routes, answer with refusals and no stack trace."""

    async def http(request: Request, error: Exception) -> Response:
        """What the framework refuses: an unknown path, another method, a body that is no JSON."""
        known = cast(HTTPException, error)
        headers = known.headers
        if known.status_code == 405 and (methods := _methods(request, routes)):
            headers = {"Allow": ", ".join(methods)}  # the framework names those of one route only
        return refusal(known.status_code, f"{known.detail.rstrip('.')}.", headers=headers)

    app.add_exception_handler(FlywheelError, _refuse)
    app.add_exception_handler(RequestValidationError, _faults)
    app.add_exception_handler(HTTPException, http)
    app.add_middleware(Guard)


def refusal(
    status: int, detail: str, hint: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A refusal as a response."""
    return JSONResponse({"detail": detail, "hint": hint}, status, headers)


async def _refuse(_request: Request, error: Exception) -> Response:
    known = cast(FlywheelError, error)
    status = next(STATUS[kind] for kind in type(known).__mro__ if kind in STATUS)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return refusal(status, known.message, known.hint, headers)


def _methods(request: Request, routes: Sequence[BaseRoute]) -> list[str]:
    """Every method that the request's path takes."""
    ours = [route for route in routes if isinstance(route, Route)]
    fitting = [route for route in ours if route.matches(request.scope)[0] != Match.NONE]
    return sorted({method for route in fitting for method in route.methods or ()})


async def _faults(_request: Request, error: Exception) -> Response:
    """In FastAPI's own shape, without the values: one may be a secret in the wrong field."""
    faults = [
        FieldFault(
            loc=list(fault["loc"]),
            msg=f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].rstrip('.')}.",
            type=fault["type"],
        )
        for fault in cast(RequestValidationError, error).errors()
    ]
    return JSONResponse(Refusal(detail=faults).model_dump(), 422)


class Guard:
    """An error that nobody foresaw: the trace goes to the log, its number to the client."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            number = secrets.token_hex(4)
            log.exception("error %s, in %s %r", number, scope.get("method"), scope.get("path"))
            if started:  # too late for another answer
                raise
            answer = refusal(
                500,
                f"Something went wrong here: error {number}.",
                "The log of flywheel has it under that number.",
            )
            await answer(scope, receive, send)
