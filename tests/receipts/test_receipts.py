"""Receipts: what was signed can be checked years later, and nothing in it can be changed."""

import shutil
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flywheel.datasets.report import DatasetReport, TeacherUsage
from flywheel.decisions.policy import policy_document
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import UnavailableError
from flywheel.receipts.document import FileEntry, ModelEntry, Receipt
from flywheel.receipts.signing import canonical, key_id, private_key, public_pem, sign
from flywheel.receipts.verify import Verification, verify

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
POLICY = policy_document("margin: 0.1 # agreed\n", "policy.yaml")


def receipt(folder: Path) -> Receipt:
    """One that names an evaluation set and a policy in the folder."""
    (folder / "eval.jsonl").write_bytes(b'{"id": 1}\n{"id": 2}\n')
    (folder / "policy.yaml").write_text(POLICY.text)
    return Receipt(
        run="fw-abc",
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


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a signed receipt `r.json`, and the id of its key."""
    folder = tmp_path_factory.mktemp("receipt")
    key = private_key(folder / "keys" / "receipt.pem")
    (folder / "r.json").write_bytes(sign(receipt(folder), key))
    return folder, key_id(key.public_key())


def check(signed: tuple[Path, str], content: bytes | None = None) -> Verification:
    folder, key = signed
    file = folder / "r.json"
    if content is not None:
        file = folder / "changed.json"
        file.write_bytes(content)
    return verify(file, {key})


def test_an_unchanged_receipt_is_valid(signed: tuple[Path, str]) -> None:
    found = check(signed)
    assert found.valid
    assert found.sentence == (
        f"The receipt of fw-abc (news) is unchanged and signed by {signed[1]}; "
        "2 of the 2 files it names are unchanged."
    )
    content = (signed[0] / "r.json").read_bytes()
    assert canonical(orjson.loads(content)) + b"\n" == content


@given(st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_byte_can_be_changed(signed: tuple[Path, str], data: st.DataObject) -> None:
    content = bytearray((signed[0] / "r.json").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    assert not check(signed, bytes(content)).valid


@given(st.binary(min_size=1, max_size=3), st.integers(0, 10_000))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_can_be_added(signed: tuple[Path, str], more: bytes, place: int) -> None:
    content = (signed[0] / "r.json").read_bytes()
    place = min(place, len(content))
    assert not check(signed, content[:place] + more + content[place:]).valid


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("eval.jsonl", "is not the evaluation set that was scored: its sha256 is"),
        ("policy.yaml", "is not the policy that was applied: its sha256 is"),
    ],
)
def test_a_changed_file_is_named(
    signed: tuple[Path, str], tmp_path: Path, name: str, words: str
) -> None:
    folder, key = signed
    for file in ("eval.jsonl", "policy.yaml"):
        shutil.copy(folder / file, tmp_path)
    assert verify(folder / "r.json", {key}, tmp_path, strict=True).valid
    changed = bytearray((tmp_path / name).read_bytes())
    changed[3] ^= 1
    (tmp_path / name).write_bytes(changed)
    found = verify(folder / "r.json", {key}, tmp_path)
    assert not found.valid
    assert f"{name} {words}" in found.sentence


def test_absent_files_are_counted(signed: tuple[Path, str], tmp_path: Path) -> None:
    folder, key = signed
    shutil.copy(folder / "eval.jsonl", tmp_path)
    found = verify(folder / "r.json", {key}, tmp_path)
    assert found.valid
    assert "1 of the 2 files it names are unchanged; not here, so not checked: policy.yaml." in (
        found.sentence
    )
    strict = verify(folder / "r.json", {key}, tmp_path, strict=True)
    assert not strict.valid


def test_a_receipt_of_somebody_else(signed: tuple[Path, str], tmp_path: Path) -> None:
    other = private_key(tmp_path / "other.pem")
    (tmp_path / "r.json").write_bytes(sign(receipt(tmp_path), other))
    found = verify(tmp_path / "r.json", {signed[1]})
    assert not found.valid
    assert f"its key {key_id(other.public_key())} is not known here" in found.sentence


def test_a_policy_that_is_not_its_hash(tmp_path: Path) -> None:
    key = private_key(tmp_path / "receipt.pem")
    wrong = receipt(tmp_path)
    assert wrong.recommendation.policy is not None
    wrong.recommendation.policy.text += "# later\n"
    (tmp_path / "r.json").write_bytes(sign(wrong, key))
    found = verify(tmp_path / "r.json", {key_id(key.public_key())})
    assert found.sentence == "The policy in the receipt is not the one whose sha256 it gives."


def make_key(path: Path) -> str:
    return public_pem(private_key(path).public_key())


def test_processes_that_make_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "receipt.pem"
    with ProcessPoolExecutor(4) as pool:
        assert len(set(pool.map(make_key, [path] * 8))) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAA==\n"])
def test_a_key_that_is_none_is_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "receipt.pem"
    path.write_text(content)
    with pytest.raises(UnavailableError, match="holds no Ed25519 key in PEM"):
        private_key(path)
