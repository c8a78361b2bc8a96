"""Checking a receipt without anything but files."""

import base64
import binascii
from collections.abc import Collection, Iterator
from hashlib import file_digest, sha256
from pathlib import Path

import orjson
from pydantic import BaseModel, Field, ValidationError

from flywheel.errors import InvalidInputError
from flywheel.receipts.document import FileEntry, Receipt
from flywheel.receipts.signing import SignedReceipt, canonical, key_id


class Verification(BaseModel):
    """The outcome."""

    valid: bool
    sentence: str = Field(description="One line: what was checked, or what was changed")


class _Changed(Exception):  # noqa: N818 - an answer, not a failure
    """What does not fit, in a sentence."""


def verify(
    file: Path, known_keys: Collection[str], folder: Path | None = None, strict: bool = False
) -> Verification:
    """Check the receipt in `file`: its form, its signature, its key, and the files it names.

    The document has to be canonical to the last byte, so that no byte of it can be changed.
    `known_keys` are the ids of keys that are trusted. Files are looked for at the path in the
    receipt, or by their name in `folder`; those that are nowhere are counted, and fail only
    where `strict`. Raises InvalidInputError for a file that cannot be read.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"{file} cannot be read: {error.strerror}.", "Give the receipt's file."
        ) from error
    try:
        return Verification(valid=True, sentence=_checked(content, known_keys, folder, strict))
    except _Changed as changed:
        return Verification(valid=False, sentence=str(changed))


def _checked(content: bytes, known_keys: Collection[str], folder: Path | None, strict: bool) -> str:
    """What was found to be right. Raises _Changed."""
    signed = _signed(content)
    receipt, key = signed.receipt, signed.signature.key_id
    if key not in known_keys:
        raise _Changed(
            f"The signature fits, but its key {key} is not known here; "
            "give the public key that you trust with --key."
        )
    absent = list(_check_files(receipt, folder))
    if absent and strict:
        raise _Changed(f"Not here, so not checked: {', '.join(absent)}.")
    checked = len(receipt.files) - len(absent)
    missing = f"; not here, so not checked: {', '.join(absent)}" if absent else ""
    return (
        f"The receipt of {receipt.run} ({receipt.workload_id}) is unchanged and signed by {key}; "
        f"{checked} of the {len(receipt.files)} files it names are unchanged{missing}."
    )


def _signed(content: bytes) -> SignedReceipt:
    """The document with a signature that fits. Raises _Changed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = orjson.loads(content)
        document = SignedReceipt.model_validate(raw)
        is_canonical = canonical(raw) + b"\n" == content
    except (orjson.JSONDecodeError, ValidationError, ValueError):
        raise _Changed("This is no receipt, or it was changed: it cannot be read.") from None
    signature = document.signature
    try:
        public = Ed25519PublicKey.from_public_bytes(
            base64.b64decode(signature.public_key, validate=True)
        )
        public.verify(_decoded(signature.value), canonical(raw["receipt"]))
    except (InvalidSignature, binascii.Error, ValueError):
        raise _Changed(
            "The signature does not fit: the receipt was changed after it was signed."
        ) from None
    if not is_canonical or signature.key_id != key_id(public):
        raise _Changed(
            "The receipt was changed around what is signed: it is not as it was written."
        )
    return document


def _decoded(text: str) -> bytes:
    """Base64 in the one form that these bytes have. Raises ValueError."""
    found = base64.b64decode(text, validate=True)
    if base64.b64encode(found).decode() != text:
        raise ValueError(text)
    return found


def _check_files(receipt: Receipt, folder: Path | None) -> Iterator[str]:
    """The names of the files that are not here. Raises _Changed for one that is another."""
    policy = receipt.recommendation.policy
    if policy is not None and sha256(policy.text.encode()).hexdigest() != policy.sha256:
        raise _Changed("The policy in the receipt is not the one whose sha256 it gives.")
    for entry in receipt.files:
        path = Path(entry.path) if folder is None else folder / Path(entry.path).name
        try:
            with path.open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
        except OSError:
            yield path.name
            continue
        if found != entry.sha256:
            raise _Changed(_what_changed(entry, path, found))


def _what_changed(entry: FileEntry, path: Path, found: str) -> str:
    what = {
        "policy": "the policy that was applied",
        "eval": "the evaluation set that was scored",
    }.get(entry.role, "the data that was trained on")
    return (
        f"{path} is not {what}: its sha256 is {found[:12]}…, the receipt says {entry.sha256[:12]}…."
    )
