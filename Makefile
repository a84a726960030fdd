# Two commands: `make up` runs everything here, `make test` tests everything here. `make help` lists the others.

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= auto
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help up test check format bench soak docs docs-serve lock audit clean ready ready-test

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

up: ready ## install what running needs, then serve every market on one port
	@exec $(BIN)/souk up

test: check ## install what tests need, check the code, then run every test
	@PYTHON=$(BIN)/python tools/run-tests

check: ready-test ## style, types, imports, locks
	$(BIN)/python tools/lock.py --check
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/lint-imports --no-logo
	@$(BIN)/pyright & other=$$!; $(BIN)/mypy; first=$$?; wait $$other && exit $$first

format: ready-test ## put the code into shape
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

bench: ready-test ## measure against the raw database, print ratios
	$(BIN)/python -m bench

soak: ready-test ## the long tests: a thousand kills and seeds (SOUK_SOAK), twenty thousand walks, a hundred thousand movements, browsers
	SOUK_SOAK=$${SOUK_SOAK:-1000} $(BIN)/python -m pytest -m "" -n $(WORKERS) --no-cov \
		tests/kernel/messages/test_crashes.py tests/kernel/messages/test_model.py tests/app/test_kills.py tests/kernel/http/test_pages.py \
		tests/modules/ledger/test_model.py tests/modules/ledger/test_at_once.py tests/modules/orders/test_simulation.py

docs: ready-test ## build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

docs-serve: ready-test ## show the documentation while writing it
	$(BIN)/mkdocs serve

lock: ready-test ## resolve dependencies anew into the locks; `make lock MORE=--upgrade` takes the newest
	$(BIN)/python tools/lock.py $(MORE)
	@$(PYTHON) tools/bootstrap.py test

audit: ready-test ## look for known weaknesses in what the locks name (needs an index that knows them)
	$(BIN)/python tools/audit.py

clean: ## remove what `make` installed and what checks left; data in .souk stays
	rm -rf .venv .tools site htmlcov .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

ready:
	@$(PYTHON) tools/bootstrap.py run

ready-test:
	@$(PYTHON) tools/bootstrap.py test
