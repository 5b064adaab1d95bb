# One entry for people and CI. `make` lists what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

# The virtual environment's, whatever environment is active in the caller's shell.
python := .venv/bin/python
# Words for pytest: make test PYTEST_ARGS="-k lock"
PYTEST_ARGS ?=
# Words for the demo: make demo ARGS=--keep
ARGS ?=
# Test processes side by side; more than cores, because many tests wait for what Terraform waits for.
JOBS ?= 4

# The sources stay as they are, byte code included: it is compiled once, for every process of every command.
export PYTHONPYCACHEPREFIX = $(CURDIR)/.cache/python
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONHOME
unexport PYTHONPATH
unexport VIRTUAL_ENV

pytest = $(python) -m pytest -p no:cacheprovider $(PYTEST_ARGS)

# Which tests run when follows from their folder: of those that have tests, `make check` runs the first one, `make test`
# the next ones too, and `make test-slow` every other one.
first := tests/unit
quick := tests/aws_calls tests/cli tests/consistency tests/integration tests/kubernetes tests/prior_art tests/scripts tests/terraform
slow := $(filter-out $(first) $(quick),$(sort $(patsubst %/,%,$(dir $(wildcard tests/*/test_*.py)))))
matrix := $(shell grep -l 'cells\.FULL' tests/integration/test_*.py)
# All tests of some folders; ends with the ten slowest and with what was skipped and why.
define run-tests
@$(python) -m tools.skips clear
@$(python) -m tools.skips record $(pytest) -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=10 $(1)
@$(python) -m tools.skips report
endef

##@ To see it

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

.PHONY: demo
demo: setup ## Watch it work: apply, dry run, real run, destroy, all on this machine; ARGS=--keep leaves it running
	@$(python) -m demo $(ARGS)

##@ To trust it

# The types are checked while the tests run, each on a core of its own.
.PHONY: check
check: setup ## Form, lint, types and unit tests; a few minutes on two cores
	@$(MAKE) --no-print-directory format-check lint
	@$(MAKE) --no-print-directory types & $(MAKE) --no-print-directory unit; tests=$$?; wait $$! && exit $$tests

.PHONY: test
test: check ## make check, then every call, whole runs, Terraform's checks and a real apply; twenty minutes on two cores
	$(call run-tests,$(quick))

.PHONY: test-slow
test-slow: setup-slow ## What make test leaves out: the fake AWS, tools, policies, checkov, all examples, demo, report page, container
	$(call run-tests,$(slow))

.PHONY: test-matrix
test-matrix: setup ## Every cell of the fault matrix instead of a sample; hours
	@ECR_CLEANER_FULL=1 $(pytest) -n $(JOBS) --dist load --durations=10 $(matrix)

.PHONY: test-live-aws
test-live-aws: setup ## The questions that only AWS can answer, in a REAL account; makes and removes a throw-away repository
	@$(python) -m tests.live_aws

# Needs kubectl, and the rights to make a namespace, a role and a custom resource; asks the kubeconfig's current context.
.PHONY: test-kubernetes
test-kubernetes: setup ## What the reading of clusters relies on, in a REAL cluster of your kubeconfig; removes what it makes
	@ECR_CLEANER_TEST_KUBECONFIG="$${KUBECONFIG:-$$HOME/.kube/config}" $(pytest) tests/kubernetes/test_contract.py

.PHONY: mutation
mutation: ## Change what decides over images word by word: a test must fail each time (ten minutes)
	@tools/setup.sh mutation
	@$(python) -m tools.mutation

.PHONY: unit
unit: setup ## The pure rules and every module on its own (seconds)
	@$(pytest) -q -n auto --maxprocesses 4 --dist worksteal $(first)

.PHONY: terraform
terraform: setup ## terraform fmt -check, validate, test, and real applies of the module and of every example
	@$(pytest) -v tests/terraform tests/examples

.PHONY: container
container: setup ## The container path; needs an engine
	@$(pytest) tests/container

##@ To work on it

.PHONY: setup
setup: ## Make .venv, once for each content of the lock
	@tools/setup.sh

.PHONY: setup-slow
setup-slow: ## And what make test-slow takes from npm, and checkov
	@tools/setup.sh node
	@tools/setup.sh checkov

.PHONY: format
format: setup ## Write Python and Terraform in the one style
	@$(python) -m ruff format .
	@$(python) -m ruff check --fix-only --quiet .
	@terraform fmt -recursive

.PHONY: format-check
format-check: setup
	@$(python) -m ruff format --check --quiet . || { echo "make format would change the files above"; exit 1; }

.PHONY: lint
lint: setup ## ruff, with nearly all its rules
	@$(python) -m ruff check --quiet .

.PHONY: types
types: setup ## mypy, strict
	@$(python) -m mypy --no-error-summary lambda_src tests tools demo benchmarks

.PHONY: sandbox
sandbox: setup ## Start the fake AWS with the example company in it; prints how to point tools and Terraform at it
	@$(python) -m tests.fake_aws --port 0 --scenario tests/fake_aws/scenarios/company.yaml --explain

.PHONY: generate
generate: setup ## Write what follows from the code: usage_sources.json, time_zones.txt, two policies and the tables in docs/
	@$(python) -m tools.generate

.PHONY: lock
lock: setup ## Lock the newest allowed versions of all dependencies anew
	@tools/lock.sh

.PHONY: clean
clean: ## Remove everything that these targets made
	rm -rf .venv .cache .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage tests/iam/node_modules tests/report_page/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
