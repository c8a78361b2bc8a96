"""Bodies are checked against the types of the SDK, and nothing else may stand in them."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse
from typing_extensions import is_typeddict


class RefusedError(Exception):
    """The answer is an error."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(str(detail))
        self.response = JSONResponse({"detail": detail}, status_code=status)


async def body_of(request: Request, kind: Any) -> dict[str, Any]:
    """The JSON body, if it is of this type of the SDK. Raises RefusedError with 422."""
    raw = await request.json()
    try:
        _exhaust(_adapter(kind).validate_python(raw))
    except ValidationError as error:
        found = [
            {"loc": ["body", *map(str, one["loc"])], "msg": one["msg"], "type": one["type"]}
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise RefusedError(422, found) from None
    assert isinstance(raw, dict)
    _no_more(raw, _adapter(kind).validate_python(raw))
    return raw


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    _forbid_more()
    return TypeAdapter(kind)


@cache
def _forbid_more() -> None:
    """No TypedDict of the SDK takes keys that it does not know."""
    from nemo_microservices import types

    for module in pkgutil.walk_packages(types.__path__, types.__name__ + "."):
        if module.name.endswith("_params") or "_param" in module.name:
            for value in vars(importlib.import_module(module.name)).values():
                if is_typeddict(value):
                    value.__pydantic_config__ = ConfigDict(extra="forbid")


def _exhaust(value: Any) -> Any:
    """Pydantic reads an Iterable when it is read: read it."""
    if isinstance(value, dict):
        for one in value.values():
            _exhaust(one)
    elif isinstance(value, list | tuple | Iterator):
        for one in value:
            _exhaust(one)


def _no_more(raw: Any, read: Any) -> None:
    """The SDK's models keep what they do not know; NeMo would refuse it."""
    if isinstance(read, BaseModel) and read.model_extra:
        detail = [
            {"loc": ["body", key], "msg": "Extra inputs are not permitted", "type": "extra"}
            for key in read.model_extra
        ]
        raise RefusedError(422, detail)
    if isinstance(read, dict):
        for key, value in read.items():
            _no_more(raw.get(key), value)
