#!/bin/sh
# The environment of a real MLflow server: setup-venv.sh PYTHON VENV, from the repository's root.
set -eu
python=$1
venv=$2
lock=tests/peers/mlflow/requirements.lock
echo "Setting up $venv (once, about 0.9 GB) ..." >&2
if command -v uv >/dev/null 2>&1; then
	# The machine's own certificates, which firms add theirs to; uv would bring its own.
	export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
	uv venv --quiet --allow-existing --python "$python" "$venv" &&
		uv pip install --quiet --python "$venv/bin/python" --compile-bytecode --require-hashes \
			-r $lock && exit
	echo "uv could not do it; trying with pip ..." >&2
fi
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r $lock
