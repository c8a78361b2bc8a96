"""Signed receipts: canonical JSON (RFC 8785) under an Ed25519 signature (RFC 8032)."""

import base64
import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from flywheel.errors import UnavailableError
from flywheel.receipts.document import Receipt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

# cryptography takes a while to import: only who signs or verifies pays for it.


class Signature(BaseModel):
    """Over the canonical form of the receipt."""

    model_config = ConfigDict(extra="forbid")

    algorithm: Literal["ed25519"] = "ed25519"
    key_id: str = Field(description="The first 16 digits of the sha256 of the public key, hex")
    public_key: str = Field(description="32 bytes in base64")
    value: str = Field(description="64 bytes in base64")


class SignedReceipt(BaseModel):
    """The document as it is stored and handed out."""

    model_config = ConfigDict(extra="forbid")

    receipt: Receipt
    signature: Signature


def canonical(value: object) -> bytes:
    """The one way to write a JSON value: keys sorted, no white space (RFC 8785)."""
    import rfc8785

    plain: Any = orjson.loads(orjson.dumps(value))
    return rfc8785.dumps(plain)


def sign(receipt: Receipt, key: "Ed25519PrivateKey") -> bytes:
    """The signed document, in canonical form with a line break at its end."""
    body = receipt.model_dump(mode="json")
    public = key.public_key()
    signature = Signature(
        key_id=key_id(public),
        public_key=base64.b64encode(public.public_bytes_raw()).decode(),
        value=base64.b64encode(key.sign(canonical(body))).decode(),
    )
    return canonical({"receipt": body, "signature": signature.model_dump()}) + b"\n"


def key_id(public: "Ed25519PublicKey") -> str:
    """A short name of a public key."""
    return sha256(public.public_bytes_raw()).hexdigest()[:16]


def public_pem(public: "Ed25519PublicKey") -> str:
    """The key as PEM, for those who verify elsewhere."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_key(path: Path) -> "Ed25519PrivateKey":
    """The key in the file; made, readable by its owner only, where there is none yet.

    Of processes that make it at once, all get the same. Raises UnavailableError.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if not path.exists():
            _make(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UnavailableError(
            f"The key of receipts {path} cannot be used: {error.strerror}.",
            "receipt_config.key_file names it.",
        ) from error
    except (ValueError, TypeError) as error:  # no PEM, or one under a password
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return key


def public_key(path: Path) -> "Ed25519PublicKey":
    """The public key in a PEM file. Raises UnavailableError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise UnavailableError(
            f"The public key {path} cannot be read: {error.strerror}.", "--key names it."
        ) from error
    except ValueError as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path)
    return key


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as writer:
            writer.write(pem)
            writer.flush()
            os.fsync(writer.fileno())
        os.link(draft, path)  # whole, and only where nobody was faster
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _no_key(path: Path) -> UnavailableError:
    return UnavailableError(
        f"{path} holds no Ed25519 key in PEM.",
        "Put it back from a backup; without it old receipts verify with their public key only.",
    )
