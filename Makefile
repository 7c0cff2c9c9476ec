# jambones: `make run` brings the platform up, `make test` runs every test. `make help` lists the rest.
SHELL := /bin/bash
VENV ?= .venv
PY := $(VENV)/bin/python
DISTS := libs/sip libs/media libs/common libs/sbc services/api services/sbc-inbound services/sbc-outbound \
         services/feature-server services/registrar libs/testing tools/local tools/cli
SOURCES := $(DISTS:%=%/src)
CODE := $(DISTS) tests bench examples
ONLY ?=

.PHONY: help setup system run demo test unit bench check fmt lint types imports clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.done: constraints.txt requirements-dev.txt $(DISTS:%=%/pyproject.toml)
	@./scripts/venv $(VENV) $(DISTS)
	@touch $@

setup: $(VENV)/.done ## create the virtual environment with everything pinned

system: ## install the system packages the platform uses (rtpengine, flite) and those the tests use (SIPp, baresip)
	@./scripts/system run test

run: setup ## start the whole platform on this machine
	@./scripts/system run
	@./scripts/browser-phone
	@$(PY) -m jambones.local run

demo: setup ## place a call to the demo application and show its timeline
	@./scripts/system run demo
	@$(PY) -m jambones.local demo

test: setup ## install what is missing and run every test; AGAIN=3 lets so many that fail try a second time
	@./scripts/system run test
	@./scripts/browser-phone
	@./scripts/test-clients || true # the tests that need them say so
	@./scripts/run-tests $(PY) -q -n 2 --dist loadgroup tests/unit tests/integration
	@./scripts/run-tests $(PY) -q tests/e2e

unit: setup
	@$(PY) -m pytest -q tests/unit

bench: setup ## measure; ONLY=media runs a part
	@./scripts/system run test
	@$(PY) -m bench $(ONLY)

check: setup lint types imports unit ## is it fit to land: format, lint, types, imports, unit tests

fmt: setup ## format the code
	@$(VENV)/bin/ruff format -q $(CODE)
	@$(VENV)/bin/ruff check -q --fix $(CODE)

lint: setup ## format check, linter, file lengths
	@$(VENV)/bin/ruff format --check -q $(CODE)
	@$(VENV)/bin/ruff check $(CODE)
	@./scripts/file-lengths $(SOURCES) tests bench

types: setup ## mypy, strict
	@$(VENV)/bin/mypy $(SOURCES)

imports: setup ## the import contract
	@$(VENV)/bin/lint-imports

clean: ## remove everything the other targets made, the local data too
	@rm -rf $(VENV) .run .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache bench/out bench/build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
