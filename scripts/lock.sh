#!/usr/bin/env bash
# Write requirements-dev.lock and requirements.lock: exact versions for Python 3.11 and newer on every system.
# The development lock comes first and binds the other, so that tests run on the versions people get.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
  scripts/setup.sh requirements.lock
  .venv/bin/python -m pip install --quiet uv
  uv=.venv/bin/uv
fi

compile() { # compile SOURCE LOCK [MORE OPTIONS]
  local source=$1 lock=$2
  shift 2
  echo "# Exact versions for $source. Made by \`make lock\`; do not edit." >"$lock.new"
  "$uv" pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
    --no-emit-find-links --annotation-style line --upgrade "$@" "$source" >>"$lock.new"
  mv "$lock.new" "$lock"
}

compile requirements-dev.txt requirements-dev.lock
compile requirements.txt requirements.lock --constraint requirements-dev.lock
