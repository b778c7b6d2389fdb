#!/usr/bin/env bash
# Look for known weaknesses: bandit over our code, pip-audit over what requirements.lock installs.
# Needs uv and, for pip-audit, the internet. A package that could not be looked up is a failure:
# "no known vulnerabilities" must not come from having asked nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

uvx bandit --quiet --recursive --severity-level medium --skip B608 allcore pages app.py
uvx pip-audit --strict --requirement requirements.lock --disable-pip --no-deps
