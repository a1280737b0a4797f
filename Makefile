# Each line below can be typed by hand. `make` alone lists the targets.
PYTHON := .venv/bin/python
UV_COMPILE := .venv/bin/uv pip compile -q pyproject.toml --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.13 --universal

# Where it is set, every process that a test starts compiles the product, and pytest the tests, anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run emulators test tests conformance branches e2e soak gameday mutants pictures check lint types fix contracts pin package clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run: .venv/.ready ## start everything here, send one sample payment, serve until Ctrl-C (ONCE=1: stop after it; RESET=1: forget the data; ARGS='--http-port 8000')
	$(PYTHON) -m local up $(if $(ONCE),--once) $(if $(RESET),--reset) $(ARGS)

emulators: .venv/.ready ## start everything but the Functions host, for `func start` in another terminal (RESET=1, ARGS as above)
	$(PYTHON) -m local emulators $(if $(RESET),--reset) $(ARGS)

test: lint ## lint and types, then all tests, with the lines of functions/ and shared/ that they cover (ARGS=tests/flow: some tests, no coverage)
	$(MAKE) --no-print-directory -j2 types .venv/collected
	$(MAKE) --no-print-directory tests

tests: .venv/.ready
	$(PYTHON) -m pytest $(if $(ARGS),,--cov --cov-report=term) $(ARGS)

conformance: .venv/.ready ## what `make test` is too short for: a crash beside each call, larger loads, the local host against what Microsoft's answered
	LOCAL_FSYNC=1 $(PYTHON) -m pytest -m long --dist load $(ARGS)

e2e: .venv/.ready ## the end-to-end tests (E2E_HOST='func start': under the Functions host that this command starts; docs/local.md)
	$(PYTHON) -m pytest tests/e2e tests/ops/test_on_platform.py tests/ops/test_walkthrough.py $(if $(E2E_HOST),-n 0) $(ARGS)

branches: .venv/.ready ## the branches of functions/ and shared/ that tests cover; counting them takes as long again as the tests
	COVERAGE_CORE=ctrace $(PYTHON) -m pytest tests/unit tests/flow tests/contract --cov --cov-branch --cov-report=term --cov-fail-under=97 $(ARGS)

soak: .venv/.ready ## the storm with 10,000 payments, 50,000 runs of tests/invariants, 1,000 requests of chance per operation; over an hour (ARGS=...; STORM_SEED=n, FUZZ_SEED=n repeat one)
	LOCAL_FSYNC=1 STORM_PAYMENTS=$${STORM_PAYMENTS:-10000} $(PYTHON) -m pytest tests/e2e/test_storm.py -n 0 -s $(ARGS)
	INVARIANT_RUNS=$${INVARIANT_RUNS:-50000} $(PYTHON) -m pytest tests/invariants --dist load $(ARGS)
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-1000} $(PYTHON) -m pytest tests/e2e/test_fuzz.py -n 0 -s $(ARGS)

gameday: .venv/.ready ## hurt a platform of its own, one fault after another, and measure; some minutes; one HTML report (ARGS='--only bus')
	$(PYTHON) -m local gameday $(ARGS)

mutants: .venv/.ready ## small faults in shared/ and functions/, one at a time: does a test notice? An hour or more (ARGS='--seed n --only shared/verbs')
	$(PYTHON) -u -m tests.mutants $(ARGS)

pictures: .venv/.ready ## take the pictures of docs/pictures/ anew, with the text that a test compares; needs a Chromium (ARGS='flow letters')
	$(PYTHON) -m tests.browser.pictures $(ARGS)

check: lint types ## lint, format and types; changes nothing

lint: .venv/.ready
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: .venv/.ready
	$(PYTHON) -m mypy

fix: .venv/.ready ## mend what lint and format can mend
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

contracts: .venv/.ready ## write docs/contracts/ and what the app serves of it from the code (ARGS=--release: add them to what was released)
	$(PYTHON) -m contracts $(ARGS)

pin: .venv/.ready ## resolve pyproject.toml into requirements*.txt (ARGS=--upgrade for newer versions)
	$(UV_COMPILE) $(ARGS) -o requirements.txt
	$(UV_COMPILE) $(ARGS) --group dev -c requirements.txt -o requirements-dev.txt

package: .venv/.ready ## build the zip that deploys, with its dependencies (ARGS='--build-id SHA')
	$(PYTHON) infra/package.py --with-dependencies $(ARGS)

clean: ## remove what was installed and cached; the payments in .local stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* .local/uv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# In a fresh clone each of pytest's processes would compile the same files, all at the same time.
.venv/collected: .venv/.ready
	$(PYTHON) -m pytest -n 0 --collect-only -qq > $@.new || { cat $@.new; exit 1; }
	mv $@.new $@

.venv/.ready: requirements-dev.txt pyproject.toml local/setup.sh
	sh local/setup.sh
