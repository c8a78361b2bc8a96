#!/bin/sh
# Choose the versions of the peer environment anew (needs uv); from the repository's root.
# What a model is pickled with has the version of flywheel's own lock: trained there, loaded here.
set -eu
here=deploy/nemo-platform
pinned=$(mktemp)
trap 'rm -f "$pinned"' EXIT
grep -E '^(joblib|numpy|scikit-learn|scipy)==' requirements.lock | tr -d '\\' >"$pinned"
uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.13 \
	--constraints "$pinned" --no-annotate --custom-compile-command "make lock-nemo-platform" \
	-o $here/requirements.lock $here/requirements.in pyproject.toml
