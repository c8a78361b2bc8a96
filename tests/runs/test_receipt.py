"""The receipt of a real run."""

from pathlib import Path

import orjson
import pytest

from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.receipts.document import Receipt
from flywheel.service import receipts, runs
from tests.support.running import SHELL, ended, start, until, working


async def test_a_run_leaves_one_signed_receipt(completed: Backends, tmp_path: Path) -> None:
    view = await runs.get_run(completed, "r-1")
    document = await receipts.receipt_of(completed, view.id)
    file = tmp_path / "r.json"
    file.write_text(document)

    found = await receipts.verify_receipt(completed.settings, file, None, None, strict=True)
    assert found.valid, found.sentence
    assert "the 4 files it names are unchanged." in found.sentence
    signed = Receipt.model_validate(orjson.loads(document)["receipt"])
    assert (signed.run_id, signed.created_at) == (view.id, view.created_at)
    assert {entry.role: entry.records for entry in signed.files} == {
        **{dataset.name: dataset.num_records for dataset in view.datasets},
        "policy": None,
    }
    assert signed.recommendation == view.recommendation
    assert signed.candidates[0].scores == view.nims[0].customized
    assert signed.candidates[0].digest == view.nims[0].customizations[0].digest

    eval_file = next(Path(entry.path) for entry in signed.files if entry.role == "eval")
    content = bytearray(eval_file.read_bytes())
    content[len(content) // 2] ^= 1
    eval_file.write_bytes(content)
    changed = await receipts.verify_receipt(completed.settings, file, None, None, strict=False)
    assert not changed.valid
    assert "eval.jsonl is not the evaluation set that was scored" in changed.sentence

    await runs.delete_run(completed, view.id, SHELL)  # the record stays
    assert await receipts.receipt_of(completed, view.id) == document
    with pytest.raises(NotFoundError, match="There are no runs yet"):
        await receipts.receipt_of(completed, "last")


async def test_a_run_that_could_not_be_signed_trains_nothing_and_says_why(
    backends: Backends,
) -> None:
    key = backends.settings.receipt_key_file
    key.parent.mkdir()
    key.write_text("no key")
    async with working(backends):
        run = await start(backends, candidates=["hashing-sgd"])
        view = await until(backends, run.id, ended)
    assert view.status == "failed"
    assert view.error is not None
    assert "receipt.pem holds no Ed25519 private key in PEM" in view.error
    assert {s.status for s in view.steps if s.kind != "build-datasets"} == {"skipped"}
    with pytest.raises(NotFoundError, match="r-1 has no receipt: it is failed"):
        await receipts.receipt_of(backends, run.id)
