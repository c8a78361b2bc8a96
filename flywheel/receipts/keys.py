"""Ed25519 keys: the one that signs here, and the public ones that people hand each other."""

import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel.errors import InvalidInputError, SettingsError, UnavailableError
from flywheel.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

# cryptography takes a while to import: only who signs or verifies pays for it.

VARIABLE = "FLYWHEEL_RECEIPT_KEY"


def signing_key(settings: Settings) -> "Ed25519PrivateKey":
    """The key that signs here: the one in the environment, else the one in the key file.

    The file is made where there is none yet; of processes that make it at once, all get the
    same. Raises SettingsError, UnavailableError.
    """
    key = _existing(settings)
    if key is None:
        _make(settings.receipt_key_file)
        key = _existing(settings)
        assert key is not None
    return key


def own_public_key(settings: Settings) -> "Ed25519PublicKey | None":
    """The public half of the key that signs here, or None while there is none yet.

    Raises SettingsError, UnavailableError.
    """
    key = _existing(settings)
    return None if key is None else key.public_key()


def read_public_key(path: Path) -> "Ed25519PublicKey":
    """The public key in a PEM file. Raises InvalidInputError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = None
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(
            f"The public key {path} cannot be read: {error.strerror}.", "--key names it."
        ) from error
    except (ValueError, UnsupportedAlgorithm):
        pass  # said below, with every other key that is not ours
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInputError(
            f"{path} holds no Ed25519 public key in PEM.",
            "`flywheel receipt key` prints one where receipts are signed.",
        )
    return key


def key_id(public: "Ed25519PublicKey") -> str:
    """A short name of a public key."""
    return sha256(public.public_bytes_raw()).hexdigest()[:16]


def public_pem(public: "Ed25519PublicKey") -> str:
    """The key as PEM, for those who verify elsewhere."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _existing(settings: Settings) -> "Ed25519PrivateKey | None":
    secret = settings.secrets.receipt_key
    if secret is not None:
        # Some platforms cannot put a line break into a variable.
        text = secret.get_secret_value().replace("\\n", "\n")
        key = _private(text.encode("utf-8", "replace"))
        if key is None:
            raise SettingsError(
                f"{VARIABLE} holds no Ed25519 private key in PEM.",
                "`openssl genpkey -algorithm ed25519` makes one.",
            )
        return key
    path = settings.receipt_key_file
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error
    key = _private(pem)
    if key is None:
        raise UnavailableError(
            f"{path} holds no Ed25519 private key in PEM.",
            "Put it back from a backup, or move it away: then another is made.",
        )
    return key


def _private(pem: bytes) -> "Ed25519PrivateKey | None":
    """The key, or None where this is none: no PEM, under a password, of another kind."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None


def _make(path: Path) -> None:
    """Write a new key, readable by its owner only. Raises UnavailableError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as writer:
                writer.write(pem)
                writer.flush()
                os.fsync(writer.fileno())
            _publish(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise _unusable(path, error) from error


def _publish(draft: Path, path: Path) -> None:
    """Give the key its name: whole, and only where nobody was faster."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def _unusable(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"The key of receipts {path} cannot be used: {error.strerror}.",
        "receipt_config.key_file names it.",
    )
