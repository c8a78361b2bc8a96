"""The receipt of a real run."""

from pathlib import Path

from sqlmodel import select

from flywheel.db.models import Receipt
from flywheel.ports.backends import Backends
from flywheel.receipts.signing import SignedReceipt
from flywheel.service import receipts, runs
from tests.support.running import SHELL, ended, start, until, working


async def test_a_run_leaves_one_signed_receipt(backends: Backends, tmp_path: Path) -> None:
    async with working(backends):
        run = await start(backends, candidates=["hashing-sgd"], eval_size=100)
        view = await until(backends, run.id, ended)
    assert view.status == "completed", view.error
    document = await receipts.receipt_of(backends, run.id)
    file = tmp_path / "r.json"
    file.write_text(document)

    found = await receipts.verify_receipt(backends.settings, file, None, None, strict=True)
    assert found.valid, found.sentence
    assert "4 of the 4 files it names are unchanged." in found.sentence
    signed = SignedReceipt.model_validate_json(document).receipt
    assert signed.recommendation == view.recommendation
    assert signed.candidates[0].scores == view.nims[0].customized
    assert signed.candidates[0].digest == view.nims[0].customizations[0].digest

    eval_file = next(Path(entry.path) for entry in signed.files if entry.role == "eval")
    content = bytearray(eval_file.read_bytes())
    content[len(content) // 2] ^= 1
    eval_file.write_bytes(content)
    changed = await receipts.verify_receipt(backends.settings, file, None, None, strict=False)
    assert not changed.valid
    assert "eval.jsonl is not the evaluation set that was scored" in changed.sentence

    await runs.delete_run(backends, run.id, SHELL)  # the record stays
    async with backends.database.transaction() as session:
        assert (await session.exec(select(Receipt.document))).one() == document


async def test_without_its_key_a_run_has_no_verdict_and_says_why(backends: Backends) -> None:
    key = backends.settings.receipt_key
    key.parent.mkdir()
    key.write_text("no key")
    async with working(backends):
        run = await start(backends, candidates=["hashing-sgd"])
        view = await until(backends, run.id, ended)
    assert view.status == "failed"
    assert view.error is not None
    assert "receipt.pem holds no Ed25519 key in PEM" in view.error
    assert view.approval_id is None
