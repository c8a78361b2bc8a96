#!/bin/sh
# The environment of the peer server: setup-venv.sh [VENV], from the repository's root.
# NeMo Platform and flywheel with its students, locked. Python 3.13 unless PYTHON names another.
set -eu
venv=${1:-.venv-nemo-platform}
here=deploy/nemo-platform
python=${PYTHON:-python3.13}
echo "Setting up $venv (once) ..." >&2

locked() { # an installer's words; hashes for what is fetched, none for what is ours
	"$@" --require-hashes -r $here/requirements.lock &&
		"$@" --no-deps --no-build-isolation -e . -e $here/flywheel_students
}

if command -v uv >/dev/null 2>&1; then
	# The machine's own certificates, which firms add theirs to; uv would bring its own.
	export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
	uv venv --quiet --allow-existing --python "${PYTHON:-3.13}" "$venv" &&
		locked uv pip install --quiet --python "$venv/bin/python" --compile-bytecode &&
		exit
	echo "uv could not do it; trying with pip ..." >&2
fi
"$python" -m venv "$venv"
locked "$venv/bin/python" -m pip install --quiet --disable-pip-version-check
