#!/usr/bin/env bash
# Look for known weaknesses in what requirements.lock installs. Needs the internet. A package that could
# not be looked up is a failure: "no known vulnerabilities" must not come from having asked nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(command -v uv || echo .venv/bin/uv)
"$uv" tool run pip-audit --strict --requirement requirements.lock --disable-pip --require-hashes
