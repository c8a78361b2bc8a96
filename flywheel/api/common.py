"""What the endpoints share: the backends, ids and texts as a request may give them."""

import re
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import StringConstraints

from flywheel.api.auth import Caller
from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.service.visibility import seen_by

# PostgreSQL keeps no NUL in a text.
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
RunRef = Annotated[str, StringConstraints(pattern=r"^r-[0-9]{1,9}$")]


async def _backends(request: Request) -> Backends:
    opened: Backends = request.app.state.backends
    return opened


async def _seen(opened: Annotated[Backends, Depends(_backends)], caller: Caller) -> Backends:
    return seen_by(opened, caller)


async def _run_id(ref: Annotated[str, Path(alias="id", description="e.g. r-12")]) -> str:
    """The whole id only: 'last' would be another run when a request is sent twice."""
    if re.fullmatch(r"r-[0-9]{1,9}", ref) is None:
        raise NotFoundError(f"There is no run '{ref[:40]}'.", "Their ids look like r-12.")
    return ref


AllParts = Annotated[Backends, Depends(_backends)]  # for what shows nothing of runs
Parts = Annotated[Backends, Depends(_seen)]  # as the caller sees them
RunId = Annotated[str, Depends(_run_id)]
