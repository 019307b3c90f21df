# Ringback's commands. `make help` lists them; each of them sets up what it needs.
#
# Every path here is relative, so a checkout works in any directory, spaces in its name included.

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.ONESHELL:
.DEFAULT_GOAL := help

export KEEP
# Some machines forbid byte code; then pytest rewrites the assertions of all tests in each run.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## Show this list
	@echo "make <target>, where <target> is one of"
	sed -nE 's/^([a-z-]+):.*## (.*)/  \1 \t\2/p' Makefile | expand -t 16

demo: .venv/.stamp-run ## Take a call with a sample application, and show what happened
	@$(BIN)/python -m ringback.app.demo

check: .venv/.stamp-dev ## Format, lint, types, import directions, fast tests: under a minute
	@failed=0
	scripts/step format $(BIN)/python -m ruff format --check --quiet . || failed=1
	scripts/step lint $(BIN)/python -m ruff check --quiet . || failed=1
	scripts/step tree $(BIN)/python scripts/check-tree || failed=1
	scripts/step imports $(BIN)/lint-imports --config pyproject.toml --no-logo || failed=1
	scripts/step types $(BIN)/python -m mypy || failed=1
	HYPOTHESIS_PROFILE=few $(BIN)/python -m pytest -n $(JOBS) -m "not slow and not long" tests/unit || failed=1
	exit $$failed

test: .venv/.stamp-dev ## Every test, real phones included
	@scripts/system-packages
	$(BIN)/python scripts/module-coverage --jobs $(JOBS)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

coverage: .venv/.stamp-dev ## Is each module covered by its own tests?
	@$(BIN)/python scripts/module-coverage --jobs $(JOBS)

format: .venv/.stamp-dev ## Format the code and apply the fixes that are safe
	@$(BIN)/python -m ruff check --fix --quiet . || true
	$(BIN)/python -m ruff format .

clean: ## Remove everything that can be made again
	rm -rf .venv build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than everything that decides what gets installed; when it is, nothing is done.
.venv/.stamp-run: pyproject.toml constraints.txt scripts/setup
	@PYTHON="$(PYTHON)" scripts/setup run

.venv/.stamp-dev: pyproject.toml constraints.txt scripts/setup
	@PYTHON="$(PYTHON)" scripts/setup dev

.PHONY: help demo check test coverage format clean
