# Two commands: `make repro` runs both studies, `make test` the tests. Both first build .venv if it is stale.
PYTHON ?= python3
PYTHONS ?= python3.12 python3.13
VENV := .venv
RUN := . $(VENV)/bin/activate &&
INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help repro test test-slow test-pythons fuzz kill bench snapshot docs lint audit lock clean

help:            ## show this list
	@grep -hE '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

repro: $(VENV)/.installed ## run both studies, ALS and gender, on the cohorts of their params.yaml (dvc repro)
	$(RUN) dvc repro dvc.yaml gender/dvc.yaml

test: $(VENV)/.installed-dev ## run the tests: under 5 minutes on 2 cores
	$(RUN) pytest --numprocesses 2 --dist loadfile

test-slow: $(VENV)/.installed-dev ## run the tests of whole pipelines
	$(RUN) pytest -m slow

test-pythons:    ## make test on other Pythons, each in its own environment (PYTHONS="python3.12 python3.13")
	@failed=; for python in $(PYTHONS); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
		$(MAKE) test PYTHON=$$python VENV=$(VENV)-$$version || failed="$$failed $$python"; done; \
	test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

fuzz: $(VENV)/.installed-dev ## test damaged recordings, workbooks, tables and params for two minutes (MINUTES=600: a night)
	$(RUN) python -m tests.fuzz --minutes $(or $(MINUTES),2)

kill: $(VENV)/.installed-dev ## kill the default pipeline at 25 random moments and compare with an undisturbed run: an hour
	$(RUN) python -m tests.test_kill "$$(mktemp -d)"

bench: $(VENV)/.installed-dev ## run the benchmarks of benchmarks/README.md
	$(RUN) python -m benchmarks.coverage
	$(RUN) python -m benchmarks.no_op
	$(RUN) python -m benchmarks.front_end
	$(RUN) python -m benchmarks.many_clips
	$(RUN) python -m benchmarks.large_release
	$(RUN) python -m benchmarks.sweep
	$(RUN) python -m benchmarks.samplers
	$(RUN) python -m benchmarks.expectations
	$(RUN) python -m benchmarks.voice_measures
	$(RUN) python -m benchmarks.controls
	$(RUN) python -m benchmarks.cpu_types

snapshot: $(VENV)/.installed-dev ## write tests/broken_inputs/snapshot.txt: the messages for broken inputs
	$(RUN) python -m tests.broken_inputs

docs: $(VENV)/.installed ## write docs/voice_measures.md from the code
	$(RUN) python -m bulbar.features.voice_measures docs/voice_measures.md

lint: $(VENV)/.installed-dev ## run ruff, mypy and bandit
	$(RUN) ruff check && ruff format --check && mypy && bandit --quiet --recursive bulbar stages benchmarks

audit: $(VENV)/.installed-dev ## check the locked packages for known vulnerabilities (needs a network)
	$(RUN) .ci/audit

lock: $(VENV)/.installed-dev ## write every lock file from its requirements, with hashes; keeps versions that still fit
	$(RUN) $(LOCK) requirements.txt -o requirements.lock >/dev/null
	for on_top in dev dask jax ray download; do $(RUN) $(LOCK) requirements/$$on_top.txt -c requirements.lock \
		-o requirements/$$on_top.lock \
		$$(sed -nE 's/^([a-z0-9-]+)==.*/--no-emit-package \1/p' requirements.lock) >/dev/null || exit 1; done
	$(RUN) $(LOCK) requirements/build.txt -c requirements.lock -o requirements/build.lock >/dev/null

clean:           ## remove the environments, never data
	rm -rf $(VENV) $(VENV)-3.*

# Checked each time. If the environment is made anew, this file is touched and everything is installed again. A named
# PYTHON must be that of the environment; without one, an environment of any fitting Python is used.
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
