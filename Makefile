# The verbs of this repository. `make help` lists them; each sets up what it needs, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# A stamp is named after what was installed, so a changed pyproject.toml or constraints.txt installs again, an
# untouched one never does, and nothing after the set-up needs the network.
FINGERPRINT := $(shell cat pyproject.toml constraints.txt | cksum | tr -d ' ')
BASE := $(VENV)/.base-$(FINGERPRINT)
DEV := $(VENV)/.dev-$(FINGERPRINT)
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo check test types tests verify docs constraints clean

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo 'Python 3.11 or newer is needed, and "$(PYTHON)" is not: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11' >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(BASE): | $(BIN)/python
	@echo "Installing trialpanorama into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

# PyTorch's build for processors alone: what a plain name gives on Linux is gigabytes of GPU libraries. Where no such
# build is to be had, the tests of training are skipped, each by name.
TORCH := torch==$(shell sed -n 's/^torch==//p' constraints.txt)$(if $(filter Linux,$(shell uname)),+cpu)

$(DEV): | $(BIN)/python
	@echo "Installing trialpanorama and what its tests need into $(VENV) ..."
	@$(BIN)/python -c 'import importlib.metadata as m; m.version("torch")' 2>/dev/null \
		|| $(PIP) '$(TORCH)' 2>/dev/null \
		|| echo "There is no $(TORCH) here, so training is not tested. Install a build of PyTorch into $(VENV) to test it."
	@if $(BIN)/python -c 'import importlib.metadata as m; m.version("torch")' 2>/dev/null; \
		then $(PIP) --editable '.[dev,train]'; else $(PIP) --editable '.[dev]'; fi
	@touch $(BASE) $@

setup: $(DEV)  ## a virtual environment in .venv with all that the other verbs need
	@echo "Ready: $(BIN)/trialpanorama --help"

demo: $(BASE)  ## fictional registry files to a results table and a report, in ./demo (no network, key or GPU)
	@$(BIN)/trialpanorama demo

check: $(DEV)  ## lint, format, types and the fast tests: two and a half minutes on 2 cores
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 types tests CHOSEN='-m "not slow and not verify" -k "not test_real"'

test: $(DEV)  ## lint, format, types and every test that a change can break: about 15 minutes on 2 cores
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 types tests

# Types are checked beside the tests: mypy alone would leave all cores but one idle.
types: $(DEV)
	$(BIN)/mypy

tests: $(DEV)
	$(BIN)/python -m pytest -q -n logical --dist loadfile --no-loadscope-reorder $(CHOSEN)

verify: $(DEV)  ## the long checks: fuzzing for a minute per parser, repeated kills, scale
	TRIALPANORAMA_FUZZ_SECONDS=$${TRIALPANORAMA_FUZZ_SECONDS:-60} $(BIN)/python -m pytest -m verify

docs: $(DEV)  ## write the rendered pages of docs/ again
	@$(BIN)/python -m trialpanorama.apps.pages docs

constraints: $(DEV)  ## resolve constraints.txt again (needs the network)
	@$(BIN)/pip-compile --quiet --strip-extras --all-extras --no-header --no-annotate --no-emit-options \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file $(VENV)/resolved.txt pyproject.toml
	@{ echo "# Every version of an install that is known to work (base and all extras). Written by: make constraints"; \
	   echo "# GPU builds of torch bring their own nvidia-* and triton packages, which are left free here."; \
	   sed -e '/^#/d' -e '/^$$/d' -e '/^nvidia-/d' -e '/^cuda-/d' -e '/^triton==/d' -e 's/+[a-z0-9.]*$$//' $(VENV)/resolved.txt; \
	 } > constraints.txt

clean:  ## remove the virtual environment, caches and the demo
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist demo
