# Two commands: `make repro` runs the study, `make test` the tests. Both build .venv first, when it is stale.
PYTHON ?= python3
PYTHONS ?= python3.12 python3.13
VENV := .venv
RUN := . $(VENV)/bin/activate &&
INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help repro test test-slow test-pythons fuzz kill bench snapshot docs lint audit lock clean

help:            ## this list
	@grep -hE '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

repro: $(VENV)/.installed ## both pipelines, ALS and gender, each on the cohort of its params.yaml: dvc repro
	$(RUN) dvc repro dvc.yaml gender/dvc.yaml

test: $(VENV)/.installed-dev ## the tests, under 10 minutes on 2 cores
	$(RUN) pytest --numprocesses 2 --dist loadfile

test-slow: $(VENV)/.installed-dev ## the tests that run whole pipelines
	$(RUN) pytest -m slow

test-pythons:    ## make test on other Pythons, each with an environment of its own (PYTHONS="python3.12 python3.13")
	@failed=; for python in $(PYTHONS); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
		$(MAKE) test PYTHON=$$python VENV=$(VENV)-$$version || failed="$$failed $$python"; done; \
	test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

fuzz: $(VENV)/.installed-dev ## damaged recordings, workbooks, tables and params, two minutes of them (MINUTES=600: a night)
	$(RUN) python -m tests.fuzz --minutes $(or $(MINUTES),2)

kill: $(VENV)/.installed-dev ## the default pipeline, killed at 25 random moments, beside one that is not: an hour
	$(RUN) python -m tests.test_kill "$$(mktemp -d)"

bench: $(VENV)/.installed-dev ## the benchmarks: what benchmarks/README.md states
	$(RUN) python -m benchmarks.coverage
	$(RUN) python -m benchmarks.no_op
	$(RUN) python -m benchmarks.front_end
	$(RUN) python -m benchmarks.many_clips
	$(RUN) python -m benchmarks.large_release
	$(RUN) python -m benchmarks.sweep
	$(RUN) python -m benchmarks.samplers
	$(RUN) python -m benchmarks.expectations
	$(RUN) python -m benchmarks.cpu_types

snapshot: $(VENV)/.installed-dev ## tests/broken_inputs/snapshot.txt, from the broken inputs themselves
	$(RUN) python -m tests.broken_inputs

docs: $(VENV)/.installed ## docs/voice_measures.md, from the code
	$(RUN) python -m bulbar.features.voice_measures docs/voice_measures.md

lint: $(VENV)/.installed-dev ## ruff, mypy and bandit
	$(RUN) ruff check && ruff format --check && mypy && bandit --quiet --recursive bulbar stages benchmarks

audit: $(VENV)/.installed-dev ## known vulnerabilities in what is locked, where there is a network
	$(RUN) .ci/audit

lock: $(VENV)/.installed-dev ## every lock from its list of requirements: versions kept where they fit, and hashes
	$(RUN) $(LOCK) requirements.txt -o requirements.lock >/dev/null
	for on_top in dev dask jax ray download; do $(RUN) $(LOCK) requirements/$$on_top.txt -c requirements.lock \
		-o requirements/$$on_top.lock \
		$$(sed -nE 's/^([a-z0-9-]+)==.*/--no-emit-package \1/p' requirements.lock) >/dev/null || exit 1; done
	$(RUN) $(LOCK) requirements/build.txt -c requirements.lock -o requirements/build.lock >/dev/null

clean:           ## remove the environments, never data
	rm -rf $(VENV) $(VENV)-3.*

# Looked at each time, and touched where it is made anew: then what is installed in it is installed again. A PYTHON that
# somebody named must be the environment's; without one, any environment of a Python that fits will do.
$(VENV)/.made: FORCE
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 to 3.13 expected, found none: $(PYTHON)" >&2; exit 1; }
	@$(PYTHON) requirements/environment.py $(VENV) $(if $(filter file,$(origin PYTHON)),,--this-python)
	@test -e $@ || touch $@
FORCE:

# PYTHONWARNINGS: setuptools warns about every editable installation.
$(VENV)/.installed: $(VENV)/.made requirements/build.lock requirements.lock requirements.txt pyproject.toml
	$(INSTALL) -r requirements/build.lock
	$(INSTALL) -r requirements.lock
	PYTHONWARNINGS=ignore $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements/dev.lock
	$(INSTALL) -r requirements.lock -r requirements/dev.lock
	touch $@
