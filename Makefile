# Two commands: `make repro` runs the study, `make test` the tests. Both build .venv first, when it is stale.
PYTHON ?= python3
VENV := .venv
RUN := . $(VENV)/bin/activate &&

.DEFAULT_GOAL := help
.PHONY: help repro test test-slow bench lint clean

help:            ## this list
	@grep -hE '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

repro: $(VENV)/.installed ## both pipelines, ALS and gender, each on the cohort of its params.yaml: dvc repro
	$(RUN) dvc repro dvc.yaml gender/dvc.yaml

test: $(VENV)/.installed-dev ## the tests, under 10 minutes on 2 cores
	$(RUN) pytest

test-slow: $(VENV)/.installed-dev ## the tests that run whole pipelines
	$(RUN) pytest -m slow

bench: $(VENV)/.installed-dev ## the benchmarks: what benchmarks/README.md states
	$(RUN) python -m benchmarks.coverage
	$(RUN) python -m benchmarks.no_op
	$(RUN) python -m benchmarks.front_end
	$(RUN) python -m benchmarks.scaling
	$(RUN) python -m benchmarks.many_clips
	$(RUN) python -m benchmarks.roofline
	$(RUN) python -m benchmarks.sweep
	$(RUN) python -m benchmarks.samplers
	$(RUN) python -m benchmarks.expectations

lint: $(VENV)/.installed-dev ## ruff and mypy
	$(RUN) ruff check && ruff format --check && mypy

clean:           ## remove the environment, never data
	rm -rf $(VENV)

$(VENV)/.installed: requirements.txt pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
