.POSIX:

# Everything happens in .venv beside this file: nothing has to be activated, nothing outside the checkout is written.
# Choose another interpreter with `make venv PYTHON=/path/to/python3.12`.

PYTHON =
BIN = .venv/bin
INSTALLED = .venv/.installed

.PHONY: help venv demo test check lint types layers integration slow lock clean

## help         this list
help:
	@sed -n 's/^## /make /p' Makefile

## venv         make .venv and install the project with everything pinned in requirements.lock
venv: $(INSTALLED)

# uv, itself pinned in the lock, installs in a sixth of pip's time; where it cannot (a registry that only pip is
# configured for), pip installs the same files, by the same hashes. The lock is complete: nothing is resolved anew.
$(INSTALLED): $(BIN)/uv requirements.lock pyproject.toml
	@echo "Installing the packages of requirements.lock into .venv (about 1 GB to fetch)"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --cache-dir .venv/cache --compile-bytecode \
	    --require-hashes requirements.lock || \
	    { echo "uv could not; pip does it, in some minutes"; \
	    $(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock; }
	@rm -rf .venv/cache
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check
	@touch $(INSTALLED)

$(BIN)/uv: $(BIN)/python
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement .venv/uv.txt

$(BIN)/python:
	@without_venv=; set -- python3 python3.13 python3.12 python3.11; \
	[ -z "$(PYTHON)" ] || set -- "$(PYTHON)"; \
	for candidate in "$$@"; do \
	    "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || continue; \
	    "$$candidate" -c 'import ensurepip, venv' 2>/dev/null && exec "$$candidate" -m venv --clear .venv; \
	    without_venv=$$candidate; \
	done; \
	if [ -n "$$without_venv" ]; then \
	    echo "$$without_venv cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	else \
	    echo "None of $$* is a Python 3.11, 3.12 or 3.13. Install one, or name it: make venv PYTHON=/path/to/python3.12" >&2; \
	fi; \
	exit 1

## demo         the main job: ingest, train and forecast a stock series and a sensor series
demo: $(INSTALLED)
	$(BIN)/forecast run sp500 mauna-loa-co2

## test         the fast tests
test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile

## check        lint, format, types, layers; all of them with make -k check
check: lint types layers

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports --no-cache

## integration  the tests that start servers, databases and a browser
integration: $(INSTALLED)
	$(BIN)/python -m pytest -m integration

## slow         the tests that take longer
slow: $(INSTALLED)
	$(BIN)/python -m pytest -m 'slow and not integration'

## lock         bring requirements.lock in line with pyproject.toml; newest versions: make lock LOCK=--upgrade
LOCK =
lock: $(BIN)/uv
	$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	    --extra dev --extra jax --extra postgres $(LOCK) --output-file requirements.lock pyproject.toml

## benchmark-peers  make .venv-peers with the libraries that the benchmarks compare with (6 GB)
benchmark-peers: .venv-peers/.installed
.PHONY: benchmark-peers

.venv-peers/.installed: $(INSTALLED) benchmarks/peers/requirements-main.txt benchmarks/peers/requirements-darts.txt
	@for name in main darts; do \
	    echo "Installing the packages of benchmarks/peers/requirements-$$name.txt into .venv-peers/$$name"; \
	    $(BIN)/python -m venv --clear .venv-peers/$$name && \
	    .venv-peers/$$name/bin/python -m pip install --quiet --disable-pip-version-check \
	        --requirement benchmarks/peers/requirements-$$name.txt && \
	    .venv-peers/$$name/bin/python -m pip check || exit 1; \
	done
	@touch $@

## clean        remove .venv, caches and builds; keep data, forecasts and tracked runs
clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache
	find . -type d -name __pycache__ -prune -exec rm -rf {} +
