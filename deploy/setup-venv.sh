#!/bin/sh
# Make a private environment with the locked versions: setup-venv.sh PYTHON VENV
# Uses uv where it is there, else venv and pip.
set -eu
python=$1
venv=$2
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
	echo "flywheel needs Python 3.11 or later; '$python' is older. Set PYTHON=/path/to/python." >&2
	exit 1
}
echo "Setting up $venv (once) ..." >&2
with_uv() {
	# The machine's own certificates, which firms add theirs to; uv would bring its own.
	export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
	uv venv --quiet --allow-existing --python "$python" "$venv" &&
		# Compiled now, or every process that starts before its modules are cached pays for it.
		uv pip install --quiet --python "$venv/bin/python" --compile-bytecode --require-hashes \
			-r requirements.lock &&
		uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
}

with_pip() {
	"$python" -m venv "$venv"
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.lock
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation -e .
}

if command -v uv >/dev/null 2>&1; then
	with_uv && exit
	echo "uv could not do it; trying with pip ..." >&2
fi
with_pip
