# Everything a newcomer needs: `make demo` does the main job, `make test` runs the tests.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo test check bench bench-peers clean

install: $(STAMP)

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found; install Python 3.11+ or run: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

demo: install
	$(BIN)/lathe demo

test: install
	$(BIN)/python -m pytest

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	$(BIN)/python benchmarks/evaluation_speed.py
	$(BIN)/python benchmarks/prompt_language.py

# PROMPTFOO and INSPECT_PYTHON are programs that you installed: see benchmarks/README.md.
bench-peers: install
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	$(BIN)/python benchmarks/evaluators.py --promptfoo "$(PROMPTFOO)" --inspect-python "$(INSPECT_PYTHON)"

clean:
	rm -rf $(VENV) build dist
