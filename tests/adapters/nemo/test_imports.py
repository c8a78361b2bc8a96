"""Who does not use NeMo does not pay for it."""

import subprocess
import sys

_CODE = """
import sys
import flywheel.adapters.nemo, flywheel.cli.main, flywheel.wiring
found = {name.partition(".")[0] for name in sys.modules}
assert not found & {"nemo_microservices", "huggingface_hub"}, "the SDK is imported"
"""


def test_the_sdk_is_imported_when_it_is_used() -> None:
    subprocess.run([sys.executable, "-c", _CODE], check=True)
