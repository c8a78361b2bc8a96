"""Checking a receipt without anything but files.

A receipt outlives the version of flywheel that wrote it. So what is checked is the document as it
stands: the form, the signature, the key. Of the receipt itself only what names files is read; the
rest is covered by the signature, whatever later versions know of scores and verdicts.
"""

from collections.abc import Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from pydantic import BaseModel, Field, ValidationError

from flywheel.errors import InvalidInputError
from flywheel.formatting import count
from flywheel.receipts.document import VERSION
from flywheel.receipts.keys import key_id
from flywheel.receipts.signing import SignedDocument, signer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Verification(BaseModel):
    """The outcome."""

    valid: bool
    sentence: str = Field(description="One line: what was checked, or what was changed")


class _Policy(BaseModel):
    text: str
    sha256: str


class _Recommendation(BaseModel):
    policy: _Policy | None = None


class _File(BaseModel):
    role: str
    path: str
    sha256: str


class _Receipt(BaseModel):
    """What a check reads; it must go on reading every receipt of this version ever written."""

    run_id: str
    workload_id: str
    files: list[_File]
    recommendation: _Recommendation


class _Refused(Exception):  # noqa: N818 - an answer, not a failure
    """What does not fit, in a sentence."""


def verify(
    file: Path,
    trusted: "Ed25519PublicKey | None",
    folder: Path | None = None,
    strict: bool = False,
) -> Verification:
    """Check the receipt in `file`: its form, its signature, its key, and the files it names.

    The document has to be canonical to the last byte, so that no byte of it can be changed. A
    receipt under another key than the `trusted` one is not valid: anybody can sign. Files are
    looked for at the path in the receipt, or by their name in `folder`; those that are nowhere
    are counted, and fail only where `strict`. Raises InvalidInputError for a file or folder that
    cannot be read.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"{file} cannot be read: {error.strerror}.", "Give the receipt's file."
        ) from error
    if folder is not None and not folder.is_dir():
        raise InvalidInputError(f"{folder} is not a folder.", "--files names it.")
    try:
        return Verification(valid=True, sentence=_checked(content, trusted, folder, strict))
    except _Refused as refused:
        return Verification(valid=False, sentence=str(refused))


def _checked(
    content: bytes, trusted: "Ed25519PublicKey | None", folder: Path | None, strict: bool
) -> str:
    """What was found to be right. Raises _Refused."""
    document = _document(content)
    public = signer(document)
    if public is None:
        raise _Refused("The signature does not fit: the receipt was changed after it was signed.")
    if trusted is None or public.public_bytes_raw() != trusted.public_bytes_raw():
        asked = "not known here" if trusted is None else "another than the one to be trusted"
        raise _Refused(
            f"The signature fits, but its key {key_id(public)} is {asked}; "
            "give the public key that you trust with --key."
        )
    receipt = _receipt(document)
    absent = _check_files(receipt, folder)
    if absent and strict:
        raise _Refused(f"Not here, so not checked: {', '.join(absent)}.")
    return (
        f"The receipt of {receipt.run_id} ({receipt.workload_id}) is unchanged and signed by "
        f"{key_id(public)}; {_what_was_checked(len(receipt.files), absent)}."
    )


def _what_was_checked(named: int, absent: Sequence[str]) -> str:
    if not absent:
        return f"the {count(named)} files it names are unchanged"
    names = ", ".join(absent)
    if len(absent) == named:
        return f"none of the {count(named)} files it names is here to be checked: {names}"
    found = count(named - len(absent))
    return f"of the {count(named)} files it names {found} checked and unchanged, not here: {names}"


def _document(content: bytes) -> SignedDocument:
    """The document in its one form. Raises _Refused."""
    try:
        document = SignedDocument.model_validate(orjson.loads(content))
        written = document.to_bytes()
    except (ValueError, RecursionError):  # no JSON, no such fields, no such numbers, no end
        raise _Refused("This is no receipt, or it was changed: it cannot be read.") from None
    if written != content:
        raise _Refused("The receipt is not written as it was signed: its spelling was changed.")
    return document


def _receipt(document: SignedDocument) -> _Receipt:
    """What the receipt names. Raises _Refused."""
    version = document.receipt.get("version")
    if version != VERSION:
        raise _Refused(
            f"The signature fits, but the receipt is of version {version}; this flywheel reads "
            f"version {VERSION}."
        )
    try:
        return _Receipt.model_validate(document.receipt)
    except ValidationError:
        raise _Refused("The signature fits, but what was signed is no receipt.") from None


def _check_files(receipt: _Receipt, folder: Path | None) -> Sequence[str]:
    """The names of the files that are not here. Raises _Refused where one is another."""
    policy = receipt.recommendation.policy
    if policy is not None and sha256(policy.text.encode()).hexdigest() != policy.sha256:
        raise _Refused("The policy in the receipt is not the one whose sha256 it gives.")
    absent, wrong = [], []
    for entry in receipt.files:
        path = Path(entry.path) if folder is None else folder / Path(entry.path).name
        try:
            with path.open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            absent.append(path.name)
        except OSError as error:
            wrong.append(f"{path} cannot be read: {error.strerror}.")
        else:
            if found != entry.sha256:
                wrong.append(_what_changed(entry, path, found))
    if wrong:
        raise _Refused(" ".join(wrong))
    return absent


def _what_changed(entry: _File, path: Path, found: str) -> str:
    what = {
        "policy": "the policy that was applied",
        "eval": "the evaluation set that was scored",
    }.get(entry.role, "the data that was trained on")
    return (
        f"{path} is not {what}: its sha256 is {found[:12]}…, the receipt says {entry.sha256[:12]}…."
    )
