#!/bin/sh
# A Slack that others made: setup.sh FOLDER, from the repository's root. Needs npm.
set -eu
folder=$1
here=tests/peers/slack
echo "Setting up $folder (once, 95 MB) ..." >&2
mkdir -p "$folder"
cp $here/package.json $here/package-lock.json "$folder"
# `ci` takes what the lock file names, and checks its hash.
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
