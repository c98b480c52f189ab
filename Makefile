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
.PHONY: help install run programs test test-long check format coverage bench replay mutants

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

# Programs that some tests need: fetched where that may be done; else those tests are skipped.
# $(1) the Debian package, $(2) the names of its program, $(3) what is skipped without it.
debian = command -v $(2) >/dev/null || \
  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
    { printf 'installing $(1) '; \
      $(call alive,apt-get install -y --no-install-recommends $(1) >/dev/null 2>&1); }; } || \
  echo "there is no $(1): $(3) are skipped (Debian: apt-get install $(1))"

programs:
	@$(call debian,chromium,chromium chromium-browser google-chrome,the tests of the page)
	@$(call debian,redis-server,redis-server,the tests with Redis)
	@$(call debian,strace,strace,power cuts of a traced process)

test: install programs ## Run the tests, on two workers, in at most 12 minutes
	$(AT_MOST) $(BIN)/pytest -n 2 --durations=10

test-long: install programs ## Run the laws for an hour, kill 5,000 processes, cut the power 10,000 times, and so on
	AWE_LAWS=1000000 AWE_LAWS_SECONDS=3600 AWE_KILLS=5000 AWE_SERVER_KILLS=300 AWE_STREAM_KILLS=20 \
	AWE_CUTS=10000 AWE_BUSY=10 AWE_PG_SECONDS=600 AWE_VALUES=1000000 AWE_FUZZ=2000 \
	  $(BIN)/pytest -n 2 --dist worksteal --durations=10 --timeout=0 \
	  tests/laws tests/system tests/stores/test_fidelity.py tests/api/test_schemathesis.py

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
