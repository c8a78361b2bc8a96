"""Receipts: what was signed can be checked years later, and nothing in it can be changed."""

import base64
import shutil
import string
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flywheel.datasets.report import DatasetReport, TeacherUsage
from flywheel.decisions.policy import policy_document
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import InvalidInputError
from flywheel.receipts.document import FileEntry, ModelEntry, Receipt
from flywheel.receipts.keys import key_id, read_public_key
from flywheel.receipts.signing import Signature, SignedDocument, canonical, sign
from flywheel.receipts.verify import Verification, verify

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
POLICY = policy_document("margin: 0.1 # agreed\n", "policy.yaml")


def receipt(folder: Path) -> Receipt:
    """One that names an evaluation set and a policy in the folder."""
    (folder / "eval.jsonl").write_bytes(b'{"id": 1}\n{"id": 2}\n')
    (folder / "policy.yaml").write_text(POLICY.text)
    return Receipt(
        run_id="r-1",
        run_uid="fw-abc",
        created_at=NOW,
        workload_id="news",
        client_id=None,
        requested_by="U1",
        started_at=NOW,
        decided_at=NOW,
        seed=42,
        files=[
            FileEntry(
                role="eval",
                path=str(folder / "eval.jsonl"),
                sha256=sha256((folder / "eval.jsonl").read_bytes()).hexdigest(),
            ),
            FileEntry(role="policy", path=str(folder / "policy.yaml"), sha256=POLICY.sha256),
        ],
        data=DatasetReport(
            workload_type="classification", read=9, invalid=0, wrong_type=0, unlabeled=0,
            duplicates=0, near_duplicates=0, conflicting=0, usable=9, eval=2, train=6, val=1,
            classes={}, seed=42, teacher=TeacherUsage(model_name="big/ü"),
        ),
        teacher="big/ü",
        incumbent=None,
        candidates=[ModelEntry(name="svm", uri="/models/svm", digest="ab" * 32)],
        recommendation=Recommendation(
            verdict="promote", model_name="svm", reason="It is good.", candidates=[], policy=POLICY
        ),
        tools={"python": "3.11"},
    )  # fmt: skip


class Signed(NamedTuple):
    """A folder with a signed receipt `r.json`, and the key that signed it."""

    folder: Path
    key: Ed25519PrivateKey
    content: bytes

    @property
    def key_id(self) -> str:
        return key_id(self.key.public_key())


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("receipt")
    key = Ed25519PrivateKey.generate()
    content = sign(receipt(folder), key)
    (folder / "r.json").write_bytes(content)
    return Signed(folder, key, content)


def check(signed: Signed, content: bytes | None = None) -> Verification:
    file = signed.folder / "r.json"
    if content is not None:
        file = signed.folder / "changed.json"
        file.write_bytes(content)
    return verify(file, signed.key.public_key())


def signed_as(signed: Signed, body: dict[str, object]) -> bytes:
    """Any body, under a signature that fits."""
    right = orjson.loads(signed.content)["signature"]
    value = base64.b64encode(signed.key.sign(canonical(body))).decode()
    signature = Signature.model_validate({**right, "value": value})
    return SignedDocument(receipt=body, signature=signature).to_bytes()


def test_an_unchanged_receipt_is_valid(signed: Signed) -> None:
    found = check(signed)
    assert found.valid
    assert found.sentence == (
        f"The receipt of r-1 (news) is unchanged and signed by {signed.key_id}; "
        "the 2 files it names are unchanged."
    )
    assert canonical(orjson.loads(signed.content)) + b"\n" == signed.content


@given(st.data())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_byte_can_be_changed(signed: Signed, data: st.DataObject) -> None:
    content = bytearray(signed.content)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    assert not check(signed, bytes(content)).valid


@given(st.binary(min_size=1, max_size=3), st.integers(0, 10_000))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_can_be_added(signed: Signed, more: bytes, place: int) -> None:
    content = signed.content
    place = min(place, len(content))
    assert not check(signed, content[:place] + more + content[place:]).valid


@pytest.mark.parametrize("field", ["public_key", "value"])
def test_base64_has_one_spelling(signed: Signed, field: str) -> None:
    """The last letter has bits that do not count: 3 or 15 others stand for the same bytes."""
    text = orjson.loads(signed.content)["signature"][field].encode()
    assert text in signed.content
    head = text.rstrip(b"=")
    for letter in (string.ascii_letters + string.digits + "+/").encode():
        other = head[:-1] + bytes([letter]) + text[len(head) :]
        if other != text:
            assert not check(signed, signed.content.replace(text, other)).valid


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]\n",
        b"\xff",
        b'{"receipt": NaN}',
        b"[" * 100_000,
        b'{"receipt":{"a":' + b"[" * 1000 + b"]" * 1000 + b'},"signature":{}}',
        b'{"receipt":{"a":' + b"1" * 5000 + b'},"signature":{}}',
    ],
    ids=lambda content: content[:20],
)
def test_what_is_no_receipt_is_a_sentence(signed: Signed, content: bytes) -> None:
    assert check(signed, content).sentence == (
        "This is no receipt, or it was changed: it cannot be read."
    )


def test_a_receipt_with_a_depth_that_it_cannot_have_is_a_sentence(signed: Signed) -> None:
    deep = b'{"receipt":{"aaa":' + b"[" * 900 + b"]" * 900 + b","
    found = check(signed, signed.content.replace(b'{"receipt":{', deep))
    assert not found.valid


def test_a_receipt_outlives_what_flywheel_knows_of_scores(signed: Signed) -> None:
    """Fields that other versions have, or have not, are covered by the signature."""
    body = orjson.loads(signed.content)["receipt"]
    del body["data"]["near_duplicates"]
    body["candidates"][0]["later"] = {"more": 1}
    assert check(signed, signed_as(signed, body)).valid
    body["version"] = 2
    assert check(signed, signed_as(signed, body)).sentence == (
        "The signature fits, but the receipt is of version 2; this flywheel reads version 1."
    )


def test_a_signed_text_that_is_no_receipt(signed: Signed) -> None:
    found = check(signed, signed_as(signed, {"version": 1, "run_id": "r-1"}))
    assert found.sentence == "The signature fits, but what was signed is no receipt."


def test_every_receipt_ever_written_can_be_read(tmp_path: Path) -> None:
    """Written by the first version that signed. The file is never changed, only others added."""
    trusted = read_public_key(HERE / "version_1.pem")
    found = verify(HERE / "version_1.json", trusted, tmp_path)
    assert found.valid
    assert found.sentence == (
        "The receipt of r-1 (news) is unchanged and signed by 4dfbc3fd1278da6b; none of the 4 "
        "files it names is here to be checked: train.jsonl, val.jsonl, eval.jsonl, policy.yaml."
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("eval.jsonl", "is not the evaluation set that was scored: its sha256 is"),
        ("policy.yaml", "is not the policy that was applied: its sha256 is"),
    ],
)
def test_a_changed_file_is_named(signed: Signed, tmp_path: Path, name: str, words: str) -> None:
    for file in ("eval.jsonl", "policy.yaml"):
        shutil.copy(signed.folder / file, tmp_path)
    trusted = signed.key.public_key()
    assert verify(signed.folder / "r.json", trusted, tmp_path, strict=True).valid
    right = (tmp_path / name).read_bytes()
    for place in range(len(right)):
        changed = bytearray(right)
        changed[place] ^= 1
        (tmp_path / name).write_bytes(changed)
        found = verify(signed.folder / "r.json", trusted, tmp_path)
        assert not found.valid
        assert f"{name} {words}" in found.sentence


def test_absent_files_are_counted(signed: Signed, tmp_path: Path) -> None:
    shutil.copy(signed.folder / "eval.jsonl", tmp_path)
    file, trusted = signed.folder / "r.json", signed.key.public_key()
    found = verify(file, trusted, tmp_path)
    assert found.valid
    assert found.sentence.endswith(
        "; of the 2 files it names 1 checked and unchanged, not here: policy.yaml."
    )
    strict = verify(file, trusted, tmp_path, strict=True)
    assert not strict.valid
    assert strict.sentence == "Not here, so not checked: policy.yaml."


def test_a_file_that_is_here_and_cannot_be_read_is_not_absent(
    signed: Signed, tmp_path: Path
) -> None:
    (tmp_path / "eval.jsonl").mkdir()
    found = verify(signed.folder / "r.json", signed.key.public_key(), tmp_path)
    assert not found.valid
    assert found.sentence == f"{tmp_path / 'eval.jsonl'} cannot be read: Is a directory."


def test_a_folder_that_is_none_is_an_error(signed: Signed, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="absent is not a folder"):
        verify(signed.folder / "r.json", signed.key.public_key(), tmp_path / "absent")


def test_a_receipt_of_somebody_else(signed: Signed, tmp_path: Path) -> None:
    """Whoever changes a receipt can sign it again, with a key of their own."""
    other = Ed25519PrivateKey.generate()
    file = tmp_path / "r.json"
    file.write_bytes(sign(receipt(tmp_path), other))
    name = key_id(other.public_key())
    for trusted, words in (
        (None, "not known here"),
        (signed.key.public_key(), "another than the one to be trusted"),
    ):
        found = verify(file, trusted)
        assert not found.valid
        assert f"The signature fits, but its key {name} is {words};" in found.sentence


def test_a_policy_that_is_not_its_hash(signed: Signed) -> None:
    body = orjson.loads(signed.content)["receipt"]
    body["recommendation"]["policy"]["text"] += "# later\n"
    found = check(signed, signed_as(signed, body))
    assert found.sentence == "The policy in the receipt is not the one whose sha256 it gives."
