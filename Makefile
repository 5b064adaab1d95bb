# One entry for people and CI. `make` lists what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

# The virtual environment's, whatever environment is active in the caller's shell.
python := .venv/bin/python
# Words for pytest: make test PYTEST_ARGS="-k lock"
PYTEST_ARGS ?=
# Test processes side by side; more than cores, because many tests wait for what Terraform waits for.
JOBS ?= 5

# The sources stay as they are, byte code included: it is compiled once, for every process of every command.
export PYTHONPYCACHEPREFIX = $(CURDIR)/.cache/python
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONHOME
unexport PYTHONPATH
unexport VIRTUAL_ENV

pytest = $(python) -m pytest -p no:cacheprovider $(PYTEST_ARGS)

##@ To see it

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

.PHONY: demo
demo: setup-python ## Watch it work: apply, dry run, real run, destroy, all on this machine and without an AWS account
	@$(python) -m demo

##@ To trust it

# Every step is a make of its own: a failing one ends the rest. The tests are compiled while the types are checked, each
# on a core of its own: else every process of the tests would compile them at the same time.
.PHONY: test
test: setup ## Everything that needs no AWS account; ends with what was skipped and why
	@$(python) -m tools.skips clear
	@$(MAKE) --no-print-directory format-check lint
	@$(pytest) -q --collect-only tests >/dev/null 2>&1 & $(MAKE) --no-print-directory types; types=$$?; wait; exit $$types
	@$(python) -m tools.skips record $(pytest) -n $(JOBS) --dist loadfile --no-loadscope-reorder tests
	@$(python) -m tools.skips report

.PHONY: test-full
test-full: test ## make test, and then every cell of the fault matrix instead of a sample (half an hour more)
	@ECR_CLEANER_FULL=1 $(pytest) -n $(JOBS) --dist load tests/integration/test_fault_matrix.py tests/integration/test_meanwhile.py

.PHONY: mutation
mutation: ## Change what decides over images word by word: a test must fail each time (ten minutes)
	@tools/setup.sh mutation
	@$(python) -m tools.mutation

.PHONY: unit
unit: setup-python ## The pure rules and every module on its own (seconds)
	@$(pytest) -q -n $(JOBS) --dist worksteal tests/unit

.PHONY: terraform
terraform: setup-python ## terraform fmt -check, validate, test
	@$(pytest) -v tests/terraform/test_checks.py

.PHONY: e2e
e2e: setup ## Real applies of the module and of every example against the sandbox
	@$(pytest) tests/terraform

.PHONY: container
container: setup ## The container path; needs an engine
	@$(pytest) tests/container

.PHONY: test-aws
test-aws: setup ## The questions that only AWS can answer, in a REAL account; makes and removes a throw-away repository
	@$(python) -m tests.live_aws

##@ To work on it

.PHONY: setup
setup: ## Make .venv and what the tests need; once for each content of the locks
	@tools/setup.sh

.PHONY: setup-python
setup-python:
	@tools/setup.sh python

.PHONY: format
format: setup-python ## Write Python and Terraform in the one style
	@$(python) -m ruff format .
	@$(python) -m ruff check --fix-only --quiet .
	@terraform fmt -recursive

.PHONY: format-check
format-check: setup-python
	@$(python) -m ruff format --check --quiet . || { echo "make format would change the files above"; exit 1; }

.PHONY: lint
lint: setup-python ## ruff, with nearly all its rules
	@$(python) -m ruff check --quiet .

.PHONY: types
types: setup-python ## mypy, strict
	@$(python) -m mypy --no-error-summary lambda_src tests tools demo

.PHONY: sandbox
sandbox: setup-python ## Start the sandbox by hand with the example company in it
	@$(python) -m tests.fake_aws --port 0 --scenario tests/fake_aws/scenarios/company.yaml

.PHONY: generate
generate: setup-python ## Write what follows from the sources of usages: usage_sources.json and tables of the README
	@$(python) -m tools.generate

.PHONY: lock
lock: setup-python ## Lock the newest allowed versions of all dependencies anew
	@tools/lock.sh

.PHONY: clean
clean: ## Remove everything that these targets made
	rm -rf .venv .cache .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage tests/iam/node_modules tests/report_page/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
