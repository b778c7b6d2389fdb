#!/usr/bin/env bash
# Put the versions of one lock file into .venv: scripts/setup.sh LOCK
# A file whose SHA-256 the lock does not name is refused.
# A stamp keeps the lock's digest, so that a second start installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

lock=$1
venv=.venv
python=$venv/bin/python
stamp=$venv/.installed-$lock

digest() { "$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$lock"; }

find_python() {
  local name
  for name in python3.11 python3.12 python3.13 python3.14 python3 python; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  echo "ALLScope needs Python 3.11 or newer with its venv module; install it (on Debian or Ubuntu: apt-get install python3 python3-venv) and run the same command again." >&2
  exit 1
}

install() {
  if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --compile-bytecode --python "$python" --require-hashes -r "$lock"
  elif "$python" -m uv --version >/dev/null 2>&1 || "$python" -m pip install --quiet --require-hashes -r scripts/uv.lock >/dev/null 2>&1; then
    "$python" -m uv pip install --quiet --compile-bytecode --python "$python" --require-hashes -r "$lock"
  else
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null
    "$python" -m pip install --quiet --require-hashes -r "$lock"
  fi
}

make_venv() {
  local base
  if command -v uv >/dev/null 2>&1; then
    uv venv --quiet --clear --python '>=3.11' "$venv"
  else
    base=$(find_python)
    "$base" -m venv --clear "$venv"
  fi
}

"$python" -c 'import sys' >/dev/null 2>&1 || make_venv
if [ "$(cat "$stamp" 2>/dev/null)" != "$(digest)" ]; then
  echo "Installing the packages of $lock into $venv (once; a minute or two)." >&2
  install
  digest >"$stamp"
fi
