# ALLScope: `make run` and `make test` are all a fresh machine needs.
.DEFAULT_GOAL := help
.PHONY: help run test test-all lint format bench lock dependencies screenshots

PYTHON := .venv/bin/python
PORT ?=
NAME ?=
# In a process a core, files whole; one thread each, since the cores are taken.
PYTEST := OMP_NUM_THREADS=1 $(PYTHON) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --durations 15

help:  ## list what make can do here
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run:  ## start the dashboard (PORT=8600 chooses the port)
	@scripts/setup.sh requirements.lock
	@(nice -n 10 $(PYTHON) -m allcore data synth >/dev/null && \
	nice -n 10 $(PYTHON) -m allcore index --data "$${ALLSCOPE_HOME:-var}/demo" >/dev/null 2>&1) & \
	$(PYTHON) -m allcore.web.serve $(if $(PORT),--port $(PORT))

test:  ## check style, types and unsafe calls, then run the tests: about 10 minutes on two cores
	@echo "About 10 minutes on two cores, and a minute or two of installing before the first time."
	@$(MAKE) --no-print-directory lint
	@$(PYTEST) -m "not long"

test-all:  ## the same with benchmarks, Ray and long trainings: about 30 minutes
	@echo "About 30 minutes on two cores, and a minute or two of installing before the first time."
	@$(MAKE) --no-print-directory lint
	@$(PYTEST)

lint:  ## check style, types and unsafe calls
	@scripts/setup.sh requirements-dev.lock
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m bandit --quiet --recursive --severity-level medium allcore pages app.py

format:  ## put the code into the project's style
	@scripts/setup.sh requirements-dev.lock
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

bench:  ## time ALLScope beside its peers (NAME=startup runs one)
	@scripts/setup.sh requirements-dev.lock
	@$(PYTHON) -m benchmarks $(NAME)

lock:  ## write the exact versions that run and test install
	@scripts/lock.sh --upgrade

dependencies:  ## renew docs/dependencies.md: licences and purposes of all packages
	@scripts/setup.sh requirements.lock
	@$(PYTHON) scripts/dependencies.py

screenshots:  ## renew docs/images from the running app on the synthetic set (needs Chromium)
	@scripts/setup.sh requirements-dev.lock
	@$(PYTHON) scripts/screenshots.py
