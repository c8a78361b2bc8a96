"""Who may use the API: the holders of keys; without keys, whoever is on this machine."""

import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from flywheel.api.errors import UnauthenticatedError
from flywheel.errors import ForbiddenError, SettingsError
from flywheel.settings import Settings
from flywheel.views import API_ANONYMOUS, Actor

VARIABLE = "FLYWHEEL_API_KEYS"
SHORTEST_KEY = 20

_FORM = "It is NAME:KEY, several separated by commas; make a key with `openssl rand -hex 20`."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


@dataclass(frozen=True)
class Access:
    """The known keys; none means open."""

    names: Mapping[bytes, str] = field(default_factory=dict, repr=False)  # by the key's sha256

    @property
    def is_open(self) -> bool:
        """Whether no key is needed."""
        return not self.names

    def holder(self, key: str) -> str | None:
        """Whose key it is. Every known key is compared, each in constant time."""
        given = sha256(key.encode()).digest()
        found = [name for known, name in self.names.items() if hmac.compare_digest(known, given)]
        return found[0] if found else None

    def sentence(self, url: str) -> str:
        """What to tell whoever starts the server."""
        if self.is_open:
            return (
                f"The API at {url}/api is open to everybody on this machine: {VARIABLE} is not set."
            )
        return f"The API at {url}/api takes the keys of: {', '.join(self.names.values())}."


def access_for(settings: Settings, host: str) -> Access:
    """Who may use an API that listens on `host`.

    Raises SettingsError where a key is faulty, or where none is set and others than this machine
    could connect.
    """
    text = settings.secrets.api_keys
    if text is not None:
        return Access(_parse(text.get_secret_value()))
    if not is_loopback(host):
        raise SettingsError(
            f"Without a key the API is not served on {host or 'every address'}: set {VARIABLE}.",
            f"{_FORM} Or listen on 127.0.0.1; `flywheel bot` and `flywheel worker` serve no API.",
        )
    return Access()


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect there. A name other than localhost could be any."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parse(text: str) -> dict[bytes, str]:
    """The keys in the variable.

    Raises SettingsError, which repeats nothing: a key may stand where the name belongs.
    """
    names: dict[bytes, str] = {}
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    for number, entry in enumerate(entries, 1):
        name, _, key = (part.strip() for part in entry.partition(":"))
        if not key or _NAME.fullmatch(name) is None:
            raise SettingsError(f"Entry {number} of {VARIABLE} is not NAME:KEY.", _FORM)
        if len(key) < SHORTEST_KEY or not (key.isascii() and key.isprintable()):
            raise SettingsError(
                f"The key of entry {number} in {VARIABLE} needs at least {SHORTEST_KEY} "
                "characters, plain ones.",
                _FORM,
            )
        digest = sha256(key.encode()).digest()
        if f"api:{name}" == API_ANONYMOUS or name in names.values() or digest in names:
            raise SettingsError(
                f"Entry {number} of {VARIABLE} cannot be told from another caller.",
                "Every name and every key stands there once; 'anonymous' is taken.",
            )
        names[digest] = name
    if not names:
        raise SettingsError(f"{VARIABLE} holds no key.", _FORM)
    return names


_bearer = HTTPBearer(auto_error=False, description="Authorization: Bearer KEY")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="X-API-Key: KEY")


async def _caller(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    header: Annotated[str | None, Security(_header)],
) -> Actor:
    access: Access = request.app.state.access
    if access.is_open:
        _require_local(request)
        return Actor(id=API_ANONYMOUS, name="anonymous", origin="api")
    name = access.holder(bearer.credentials if bearer else header or "")
    if name is None:
        raise UnauthenticatedError(
            "The request carries no key that is known here.",
            "Send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.",
        )
    return Actor(id=f"api:{name}", name=name, origin="api")


Caller = Annotated[Actor, Depends(_caller)]
AUTHENTICATED = [Depends(_caller)]  # of a router: before anything else of a request is looked at


def _require_local(request: Request) -> None:
    """Keep web pages out: a browser on this machine would carry their requests to us.

    A page's request names the page in Origin; one whose name was bound to 127.0.0.1 names itself
    in Host. Raises ForbiddenError.
    """
    origin = request.headers.get("origin")
    authorities = [request.headers.get("host", "")]
    if origin is not None:
        authorities.append(origin.partition("://")[2])
    if not all(is_loopback(_host_in(authority)) for authority in authorities):
        raise ForbiddenError(
            "Without a key the API answers only requests from this machine to this machine.",
            f"Call it as http://127.0.0.1 or http://localhost, or set {VARIABLE}.",
        )


def _host_in(authority: str) -> str:
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]
