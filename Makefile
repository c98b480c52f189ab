# What is done often, by name. `make` alone lists it.

HOST ?= 127.0.0.1
PORT ?= 8000
PYTHON ?= python3
SEED ?=

BIN := .venv/bin
SERVES := .venv/serves
STAMP := .venv/installed

# Runs something that takes a while and says nothing, with a dot for each second of it.
alive = { $(1) & }; pid=$$!; trap 'kill $$pid; exit 130' INT TERM; \
  while kill -0 $$pid 2>/dev/null; do printf .; sleep 1; done; wait $$pid && echo

# Whoever hangs is stopped after 12 minutes, with pytest's own report of what was running.
AT_MOST := $(if $(shell command -v timeout),timeout --foreground --signal=INT 720)

.DEFAULT_GOAL := help
.PHONY: help install run browser test test-long check format coverage bench replay mutants

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: HOST=$(HOST) PORT=$(PORT) PYTHON=$(PYTHON) SEED=$(SEED)"

install: $(STAMP) ## Make the environment in .venv, with everything for tests and checks

# pip that was stopped while it renewed itself leaves an environment that nothing mends.
$(SERVES): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is too old: Python 3.11 or later is needed (make PYTHON=python3.12 ...)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get install -y python3-venv; } || \
	  { echo "$(PYTHON) can't make environments: install python3-venv (Debian: apt-get install python3-venv)"; exit 1; }
	@test ! -e .venv/unfinished || rm -rf .venv
	@mkdir -p .venv && touch .venv/unfinished
	@printf 'making .venv, half a minute '; $(PYTHON) -m venv .venv
	@$(call alive,$(BIN)/python -m pip install --quiet --upgrade pip)
	@printf 'installing '; $(call alive,$(BIN)/python -m pip install --quiet --editable .)
	@rm .venv/unfinished && touch $@

$(STAMP): $(SERVES)
	@printf 'installing what tests and checks need, half a minute '; \
	  $(call alive,$(BIN)/python -m pip install --quiet --editable '.[dev]')
	@touch $@

run: $(SERVES) ## Serve the API on HOST and PORT
	@exec $(BIN)/awe serve --host $(HOST) --port $(PORT)

# A browser for the tests of the page: fetched where that may be done; else they are skipped.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	    { printf 'installing chromium '; \
	      $(call alive,apt-get install -y --no-install-recommends chromium >/dev/null 2>&1); }; } || \
	  echo "there is no chromium: the tests of the page are skipped (Debian: apt-get install chromium)"

test: install browser ## Run the tests, on two workers, in at most 12 minutes
	$(AT_MOST) $(BIN)/pytest -n 2 --durations=10

test-long: install ## Run the laws for an hour or a million random runs, kill 1,000 processes, make 2,000 odd requests
	AWE_LAWS=1000000 AWE_LAWS_SECONDS=3600 AWE_KILLS=1000 AWE_FUZZ=2000 AWE_STREAM_KILLS=20 \
	  $(BIN)/pytest -n 2 --dist worksteal --durations=10 --timeout=0 tests/laws tests/system tests/api/test_schemathesis.py

check: install ## Check style, types and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes engine --ignoreexternal
	$(BIN)/lint-imports

format: install ## Put the code into the one format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

coverage: install ## Measure which lines and branches the tests reach
	$(BIN)/coverage erase
	$(BIN)/coverage run --parallel-mode -m pytest -q --timeout=120
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --show-missing --skip-covered

bench: install ## Measure what the core, the host and the stores cost, beside their goals
	$(BIN)/python -m benchmarks.core
	$(BIN)/python -m benchmarks

replay: install ## Run the random run of one SEED again, and show it
	@test -n "$(SEED)" || { echo "which one? make replay SEED=..., as a failing law printed it"; exit 2; }
	$(BIN)/python -m tests.laws.replay $(SEED)

mutants: install ## Break the core on purpose, and see that the laws notice
	$(BIN)/python -m tests.laws.mutants
