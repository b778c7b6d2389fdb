#!/usr/bin/env bash
# Write requirements-dev.lock, requirements.lock and scripts/uv.lock: exact versions with the SHA-256 of every
# file, for Python 3.11 and newer on every system. The development lock comes first and binds the other, so
# that tests run on the versions people get. Options go to uv: `make lock` passes --upgrade, without it
# only what has changed in the requirements changes.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
  scripts/setup.sh requirements.lock
  .venv/bin/python -m pip install --quiet --require-hashes -r scripts/uv.lock
  uv=.venv/bin/uv
fi

compile() { # compile SOURCE LOCK [MORE OPTIONS]
  local source=$1 lock=$2
  shift 2
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-annotate --custom-compile-command "make lock" "$@" --output-file "$lock" "$source" >/dev/null
}

compile requirements-dev.txt requirements-dev.lock "$@"
compile requirements.txt requirements.lock --constraint requirements-dev.lock "$@"
compile scripts/uv.txt scripts/uv.lock "$@"
