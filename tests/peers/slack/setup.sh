#!/bin/sh
# Installs the Slack of the tests: setup.sh FOLDER. Its version and checksum are in the lock file.
set -eu
here=$(dirname "$0")
mkdir -p "$1"
cp "$here/package.json" "$here/package-lock.json" "$1/"
cd "$1"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
