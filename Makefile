# Everything from a bare machine: Python 3.11 or newer and make. `make demo` shows, `make test` proves.
PYTHON ?= python3
VENV   := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
READY := $(VENV)/ready

.PHONY: demo test test-slow lint bench clean

demo: $(READY)  ## stream a video on CPU and GPU at once, then compare the plans (MODEL=..., VIDEO=...)
	$(BIN)/python -m hetero.demo $(or $(MODEL),zoo:googlenet) $(VIDEO)

test: $(READY)  ## all tests but the slow ones
	$(BIN)/python -m pytest

test-slow: $(READY)  ## the slow tests
	$(BIN)/python -m pytest -m slow

lint: $(READY)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## compare every plan for GoogLeNet, or MODEL=...
	$(BIN)/hetero bench $(or $(MODEL),zoo:googlenet)

# Installed again only when what is needed has changed.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hetero needs Python 3.11 or newer; $(PYTHON) is %d.%d: make PYTHON=..." % sys.version_info[:2])'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
