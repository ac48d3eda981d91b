# Every target does its own set-up. With another Python: make install PYTHON=python3.13

PYTHON ?= python3
# Half as many again as there are processors: many tests wait for processes most of their time.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n + n / 2)))
ROUNDS ?= 20
POINTS ?= 1000

BIN := .venv/bin
STAMP := .venv/.installed
RESOLVE := pip compile --quiet --no-config --system-certs --universal --python-version 3.11 --generate-hashes \
  --no-strip-extras --no-header --upgrade
SOURCES := accessbot tests $(wildcard app.py bench)

# What the caller's environment must not change: where packages go, what the interpreter finds, and how tools judge.
unexport PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_TARGET PIP_USER VIRTUAL_ENV
unexport PYTHONHOME PYTHONOPTIMIZE PYTHONPATH PYTHONSTARTUP PYTHONWARNINGS
unexport MYPYPATH PYTEST_ADDOPTS
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONNOUSERSITE := 1

# The programs in .venv/bin hold the folder's path, so a moved or copied tree is set up anew.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

.DEFAULT_GOAL := help
.PHONY: help install demo test test-browser check cover chaos crashes mutations bench fmt lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

install: $(STAMP) ## Create .venv with the locked dependencies and the accessbot command
	@:

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  version="$$($(PYTHON) --version 2>/dev/null)"; \
	  echo "accessbot needs Python 3.11 or newer, and '$(PYTHON)' is $${version:-not to be found}:" \
	    "name another, as in: make install PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  && grep -qxF '$(CURDIR)' .venv/.folder 2>/dev/null \
	  || $(PYTHON) -m venv --clear .venv || { \
	  echo "'$(PYTHON) -m venv' failed: on Debian and Ubuntu, install the package python3-venv" >&2; exit 1; }
	@echo '$(CURDIR)' > .venv/.folder
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@echo '$(CURDIR)' > $(STAMP)

demo: install ## Run a whole workspace on this machine and print its address
	$(BIN)/accessbot sandbox

test: install ## Run all tests but the browser's
	$(BIN)/python -m pytest tests --ignore=tests/browser -n $(WORKERS) --dist loadfile

test-browser: install ## Run the tests that drive Chromium
	$(BIN)/python -m pytest tests/browser

check: install ## Check format, lint, types and imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports --no-logo

cover: install ## Measure the branch coverage of domain, service and adapters: at least 95 %
	$(BIN)/python -m pytest tests --ignore=tests/browser -n $(WORKERS) --dist loadfile \
	  --cov=accessbot/domain --cov=accessbot/service --cov=accessbot/adapters --cov-branch --cov-fail-under=95

chaos: install ## Break everything at random in ROUNDS rounds with real processes; SEED plays the same ones again
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED)) $(if $(BROKEN),--broken "$(BROKEN)")

crashes: install ## Strike a process at POINTS calls of many lives, chosen by SEED, or again at one POINT
	$(BIN)/python -m tests.proof.crashes $(if $(POINT),--point $(POINT)) --points $(POINTS) --seed $(or $(SEED),1)

mutations: install ## Take guards of the code out, one at a time, and show which invariant misses each
	$(BIN)/python -m tests.proof.mutations

bench: install ## Measure the speed targets and print them next to the calls made
	$(BIN)/python -m bench

fmt: install ## Format the code and apply the safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install ## Resolve the dependencies anew, for Python 3.11 to 3.13
	$(BIN)/uv $(RESOLVE) --output-file requirements.txt pyproject.toml
	$(BIN)/uv $(RESOLVE) --output-file requirements-dev.txt pyproject.toml \
	  --extra sandbox --group dev --constraint requirements.txt

clean: ## Remove .venv and everything that tools wrote
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
