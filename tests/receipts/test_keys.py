"""The key that signs receipts: made once, kept private, and a sentence where it is none."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from flywheel.errors import InvalidInputError, SettingsError, UnavailableError
from flywheel.receipts.keys import own_public_key, public_pem, read_public_key, signing_key
from flywheel.settings import Settings, load_settings


def settings_of(home: Path, **more: str) -> Settings:
    return load_settings(environ={"FLYWHEEL_HOME": str(home), **more})


def private_pem(key: Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    under = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, under)


ED25519 = Ed25519PrivateKey.generate()
P256 = generate_private_key(SECP256R1())
NO_KEYS = {
    "empty": b"",
    "text": b"no key",
    "broken": b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
    "under a password": private_pem(ED25519, b"hunter2"),
    "another kind": P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    "public": public_pem(ED25519.public_key()).encode(),
}


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert own_public_key(settings) is None  # looking makes none
    assert list(tmp_path.iterdir()) == []
    made = signing_key(settings)
    file = tmp_path / "keys" / "receipt.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.read_bytes() == private_pem(made)
    assert signing_key(settings).private_bytes_raw() == made.private_bytes_raw()
    found = own_public_key(settings)
    assert found is not None
    assert found.public_bytes_raw() == made.public_key().public_bytes_raw()


def make_key(home: Path) -> str:
    return public_pem(signing_key(settings_of(home)).public_key())


def test_processes_that_make_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        assert len(set(pool.map(make_key, [tmp_path] * 8))) == 1
    folder = tmp_path / "keys"
    assert list(folder.iterdir()) == [folder / "receipt.pem"]


def test_a_named_file_is_found_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path / "home", FLYWHEEL_RECEIPT_CONFIG__KEY_FILE="other/key.pem")
    signing_key(settings)
    monkeypatch.chdir(tmp_path)
    assert own_public_key(settings) is not None
    assert (tmp_path / "home" / "other" / "key.pem").exists()


@pytest.mark.parametrize("content", NO_KEYS.values(), ids=NO_KEYS)
def test_a_key_file_that_is_none_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    settings = settings_of(tmp_path)
    settings.receipt_key_file.parent.mkdir()
    settings.receipt_key_file.write_bytes(content)
    for look in (signing_key, own_public_key):
        with pytest.raises(
            UnavailableError, match=r"receipt\.pem holds no Ed25519 private key in PEM"
        ):
            look(settings)


def test_a_key_file_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    directory = settings_of(tmp_path, FLYWHEEL_RECEIPT_CONFIG__KEY_FILE=str(tmp_path))
    with pytest.raises(UnavailableError, match="cannot be used: Is a directory"):
        own_public_key(directory)
    (tmp_path / "file").touch()
    inside = settings_of(tmp_path, FLYWHEEL_RECEIPT_CONFIG__KEY_FILE=str(tmp_path / "file" / "k"))
    with pytest.raises(UnavailableError, match="cannot be used: Not a directory"):
        signing_key(inside)
    long = settings_of(tmp_path, FLYWHEEL_RECEIPT_CONFIG__KEY_FILE="k" * 300)
    with pytest.raises(UnavailableError, match="cannot be used: File name too long"):
        own_public_key(long)


@pytest.mark.parametrize("line_break", ["\n", "\\n"])
def test_the_environment_comes_before_the_file(tmp_path: Path, line_break: str) -> None:
    pem = private_pem(ED25519).decode().replace("\n", line_break)
    settings = settings_of(tmp_path, FLYWHEEL_RECEIPT_KEY=pem)
    assert signing_key(settings).private_bytes_raw() == ED25519.private_bytes_raw()
    assert not (tmp_path / "keys").exists()
    assert "PRIVATE" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize("content", list(NO_KEYS.values())[1:], ids=list(NO_KEYS)[1:])
def test_a_variable_that_holds_none_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    settings = settings_of(tmp_path, FLYWHEEL_RECEIPT_KEY=content.decode())
    with pytest.raises(SettingsError) as caught:
        signing_key(settings)
    assert caught.value.message == "FLYWHEEL_RECEIPT_KEY holds no Ed25519 private key in PEM."
    assert caught.value.__cause__ is None


def test_a_public_key_is_read_from_pem(tmp_path: Path) -> None:
    file = tmp_path / "public.pem"
    file.write_text(public_pem(ED25519.public_key()))
    read = read_public_key(file)
    assert read.public_bytes_raw() == ED25519.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    "content",
    [
        b"no key",
        private_pem(ED25519),  # nobody should need it to verify
        P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["text", "private", "another kind"],
)
def test_a_public_key_that_is_none_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "public.pem"
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        read_public_key(file)
    file.write_bytes(content)
    with pytest.raises(InvalidInputError, match="holds no Ed25519 public key in PEM"):
        read_public_key(file)
