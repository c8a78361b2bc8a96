"""Signed receipts: canonical JSON (RFC 8785) under an Ed25519 signature (RFC 8032)."""

import base64
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from flywheel.receipts.document import Receipt
from flywheel.receipts.keys import key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


class Signature(BaseModel):
    """Over the canonical form of the receipt."""

    model_config = ConfigDict(extra="forbid")

    algorithm: Literal["ed25519"] = "ed25519"
    key_id: str = Field(description="The first 16 digits of the sha256 of the public key, hex")
    public_key: str = Field(description="32 bytes in base64")
    value: str = Field(description="64 bytes in base64")


class SignedDocument(BaseModel):
    """What is stored and handed out: a receipt, as plain JSON, and its signature."""

    model_config = ConfigDict(extra="forbid")

    receipt: dict[str, Any] = Field(description="A `Receipt`")
    signature: Signature

    def to_bytes(self) -> bytes:
        """The one way to write it. Raises ValueError for what is no plain JSON."""
        return canonical(self.model_dump()) + b"\n"


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value: keys sorted, no white space (RFC 8785).

    Raises ValueError for what has no such form, e.g. a whole number above 2^53.
    """
    import rfc8785

    return rfc8785.dumps(value)


def sign(receipt: Receipt, key: "Ed25519PrivateKey") -> bytes:
    """The signed document, in canonical form with a line break at its end."""
    body = receipt.model_dump(mode="json")
    public = key.public_key()
    signature = Signature(
        key_id=key_id(public),
        public_key=_encoded(public.public_bytes_raw()),
        value=_encoded(key.sign(canonical(body))),
    )
    return SignedDocument(receipt=body, signature=signature).to_bytes()


def signer(document: SignedDocument) -> "Ed25519PublicKey | None":
    """The key that signed it, or None where the signature does not fit in every letter."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = document.signature
    try:
        public = Ed25519PublicKey.from_public_bytes(_decoded(signature.public_key))
        public.verify(_decoded(signature.value), canonical(document.receipt))
    except (InvalidSignature, ValueError):
        return None
    return public if signature.key_id == key_id(public) else None


def _encoded(found: bytes) -> str:
    return base64.b64encode(found).decode()


def _decoded(text: str) -> bytes:
    """Base64 in the one form that these bytes have. Raises ValueError.

    The last letter before the padding has bits that do not count: with others in them the text
    is another and the bytes are the same.
    """
    found = base64.b64decode(text, validate=True)
    if _encoded(found) != text:
        raise ValueError("another way to write the same bytes")
    return found
