#!/bin/sh
# The environment of the peer server: setup-venv.sh VENV [PYTHON], from the repository's root.
# NeMo Platform and flywheel's students, in the locked versions, on Python 3.13.
set -eu
venv=$1
here=deploy/nemo-platform
echo "Setting up $venv (once, about 1.6 GB) ..." >&2

suits() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; }
python=
shim=$(command -v python3.13 || true) # of pyenv, perhaps: it answers only for a version that is set
for one in ${2:-} python3.13 python3 "${shim%/shims/*}"/versions/3.13.*/bin/python \
	"$HOME"/.pyenv/versions/3.13.*/bin/python; do
	if suits "$one"; then
		python=$one
		break
	fi
done

installed() { # the words of an installer; hashes for what is fetched, none for what is ours
	"$@" --require-hashes -r $here/requirements.lock &&
		"$@" --no-deps --no-build-isolation -e . -e $here/flywheel_students
}

if command -v uv >/dev/null 2>&1; then
	# The machine's own certificates, which firms add theirs to; uv would bring its own.
	export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
	uv venv --quiet --allow-existing --python "${python:-3.13}" "$venv" &&
		installed uv pip install --quiet --python "$venv/bin/python" --compile-bytecode && exit
	echo "uv could not do it; trying with pip ..." >&2
fi
if [ -z "$python" ]; then
	echo "NeMo Platform needs Python 3.13 here. Set NEMO_PLATFORM_PYTHON=/path/to/python3.13." >&2
	exit 1
fi
"$python" -m venv "$venv"
installed "$venv/bin/python" -m pip install --quiet --disable-pip-version-check
