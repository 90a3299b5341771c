# Two commands matter: `make demo` and `make test`. Each sets up all it needs in .venv of this checkout.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FRAMEWORKS ?= .venv-frameworks
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

.PHONY: demo test lint types contracts tests test-integrations format bench clean
# The tests come last, and speak last, whatever -j says.
.NOTPARALLEL:

demo: $(VENV)/.installed
	$(BIN)/walert demo

test: lint types contracts tests

$(VENV)/.installed: pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
		{ echo "There is no $(PYTHON) here. walert needs Python 3.11 or newer: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "walert needs Python 3.11 or newer, $(PYTHON) is older: make PYTHON=python3.12 …" >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then tool=venv; \
	elif $(PYTHON) -c 'import virtualenv' 2>/dev/null; then tool="virtualenv --quiet"; \
	else echo "$(PYTHON) cannot make a virtual environment: install python3-venv (Debian, Ubuntu) or virtualenv first." >&2; exit 1; fi; \
	echo "Setting up $(VENV) …"; $(PYTHON) -m $$tool $(VENV)
	@$(PIP) --editable .
	@touch $@

# Dependency groups need pip 25.1, newer than what Python brings.
$(VENV)/.dev: $(VENV)/.installed
	@echo "Setting up what the tests need …"
	@$(PIP) --upgrade 'pip>=25.1'
	@$(PIP) --group dev
	@touch $@

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports --no-logo

tests: $(VENV)/.dev
	$(BIN)/python -m pytest

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Hooks against the real frameworks, gigabytes of them, in an environment of their own.
$(FRAMEWORKS)/.frameworks: pyproject.toml
	@echo "Setting up $(FRAMEWORKS) with the frameworks: gigabytes …"
	@$(PYTHON) -m venv $(FRAMEWORKS)
	@$(FRAMEWORKS)/bin/python -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(FRAMEWORKS)/bin/python -m pip install -qq --disable-pip-version-check --editable . --group integrations
	@touch $@

test-integrations: $(FRAMEWORKS)/.frameworks
	$(FRAMEWORKS)/bin/python -m pytest -o addopts= -o filterwarnings=default -q --tb=short tests/integrations

bench: $(VENV)/.dev
	$(BIN)/python tests/bench/ratios.py

clean:
	rm -rf $(VENV) $(FRAMEWORKS) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
