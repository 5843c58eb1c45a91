# Everything there is to do with a checkout. It needs Python 3.11 or newer, git and make; `make help` lists it.
# What stands in ARGS goes on to the tool: make test ARGS="-k search".

PORT ?= 8000
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME := $(CURDIR)/.headwater/demo
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links

# Where it is set, every process of the tests and the demo would compile every module that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that runs and is new enough. A name on the path proves nothing: version managers leave
# stand-ins there that fail when they are called.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$name && break; done)

# Tests wait for git, servers and browsers: one process more than there are cores keeps these busy.
PROCESSES = $(shell $(BIN)/python -c "import os; print(min((os.cpu_count() or 1) + 1, 8))")

# A stamp says that its lock is what the environment holds.
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
PEER := $(VENV)/peer/.installed
SCALE := $(VENV)/scale/.installed
KOALAS := $(VENV)/koalas/.installed
ORCHESTRATORS := airflow dagster prefect
# What tests of clusters need comes with an environment of its own: a gigabyte that few need.
SMALL_EXTRAS := duckdb excel large manifest oidc parquet polars postgres remote spss xml
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check

# $(call install,LOCK) makes the environment hold that lock and this checkout.
define install
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@$(PIP_INSTALL) --require-hashes --requirement $(1)
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
endef

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow peer check format lock clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## Build the demo catalog, once, and serve it at http://127.0.0.1:8000 (or PORT=...)
	@unset HEADWATER_DATABASE_URL; HEADWATER_HOME="$(DEMO_HOME)" exec $(BIN)/headwater demo serve --port $(PORT)

test: check ## Run the checks and every test but the slow ones
	$(BIN)/pytest -n $(PROCESSES) --dist worksteal -m "not slow" $(ARGS)

# One process has the tests that share what takes minutes to make.
test-slow: $(DEV) $(PEER) $(SCALE) $(KOALAS) $(ORCHESTRATORS:%=$(VENV)/%/.installed) ## Run the slow tests: scale, peers, clusters, orchestrators
	$(BIN)/pytest -n $(PROCESSES) --dist loadgroup -m "slow and not cluster" $(ARGS)
	$(VENV)/scale/bin/python -m pytest -n 1 -m cluster $(ARGS)

peer: $(PEER) ## Make the environment with the real Hamilton, which the compatibility tests compare with

check: $(DEV) ## Check lint, format, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(DEV) ## Put the code in order: fix what lint can fix, then format
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

lock: $(DEV) ## Pin pyproject.toml's dependencies anew, keeping pins that still fit (ARGS=--upgrade for the newest)
	$(COMPILE) pyproject.toml --group build $(ARGS) --output-file requirements.txt
	$(COMPILE) pyproject.toml --group build --group dev $(SMALL_EXTRAS:%=--extra %) $(ARGS) \
		--constraints requirements.txt --output-file requirements-dev.txt
	$(COMPILE) pyproject.toml --group build --group dev --all-extras $(ARGS) --constraints requirements-dev.txt \
		--output-file tests/environments/scale.txt
	$(COMPILE) --group peer $(ARGS) --constraints requirements-dev.txt --output-file tests/environments/peer.txt
	for each in koalas $(ORCHESTRATORS); do \
		$(COMPILE) --group $$each $(ARGS) --output-file tests/environments/$$each.txt || exit; done

clean: ## Remove the environment, the caches and the demo
	rm -rf $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache "$(DEMO_HOME)"

$(RUNTIME): requirements.txt pyproject.toml $(BIN)/python
	@echo "Installing Headwater into $(VENV), which takes about a minute ..."
	$(call install,requirements.txt)
	@touch $@

# The second lock holds all of the first, at the same versions.
$(DEV): requirements-dev.txt requirements.txt pyproject.toml $(BIN)/python
	@echo "Installing Headwater and its tests' tools into $(VENV), which takes about two minutes ..."
	$(call install,requirements-dev.txt)
	@touch $(RUNTIME) $@

# $(call apart,LOCK) makes an environment of its own hold a lock.
define apart
	@echo "Installing $(1) into $(@D) ..."
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement $(1)
endef

# The real Hamilton stands apart, since there `hamilton` must be that; orchestrators, since they need what we do not.
$(VENV)/%/.installed: tests/environments/%.txt $(BIN)/python
	$(call apart,$<)
	@touch $@

$(SCALE): tests/environments/scale.txt pyproject.toml $(BIN)/python
	$(call apart,$<)
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Headwater needs Python 3.11 or newer, and none was found." \
		"Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "'$(PYTHON)' does not run," \
		"or is older than Python 3.11. Name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "'$(PYTHON)' cannot make virtual environments." \
		"On Debian and Ubuntu: apt install $(PYTHON)-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
