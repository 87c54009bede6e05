PYTHON ?= python3
BIN := .venv/bin
SOURCES := flows transforms expectations data_lake
# Where it is set, each of the processes that tests start would compile the project again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install demo test test-fast check fix docs lock site accept bench bench-guard clean sbom

install: .venv

demo: .venv
	$(BIN)/medmultipoints demo

test: .venv
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not accept and not browser"

test-fast: .venv
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not accept and not browser and not slow"

check: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

fix: .venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv
	$(BIN)/python -m medmultipoints.expectations.rows.suites
	$(BIN)/python -m tools.dictionary
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.session

lock: .venv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --upgrade --group dev pyproject.toml --output-file requirements.lock

# The bill of materials of the lock file, and an audit of pins, hashes and licences that needs no network.
sbom: .venv
	$(BIN)/python -m tools.sbom build/sbom.cdx.json

accept: .venv
	$(BIN)/python -m pytest -n 0 -m "accept or browser" $(if $(ONLY),-k "test_it_is_shown and $(ONLY)")

# The site has an environment of its own: its packages are no part of the product.
site: build/site-venv/installed
	build/site-venv/bin/zensical build --clean --strict

build/site-venv/installed: tools/site-requirements.lock
	test -x build/site-venv/bin/python || $(PYTHON) -m venv build/site-venv
	build/site-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/site-requirements.lock
	touch $@

bench-guard: .venv
	$(BIN)/python -m benchmarks.guard

bench: .venv
	$(BIN)/python -m benchmarks

.venv: .venv/installed

# A file and not the folder says that it is whole: an interrupted installation leaves the folder too.
.venv/installed: requirements.lock pyproject.toml
	@echo "installing the packages of requirements.lock into .venv, about a minute"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -P -m medmultipoints.flows.orchestration.server.server_database
	touch $@

clean:
	rm -rf .venv .accept .bench build *.egg-info
