# Thin on purpose: each target names what it does, scripts/ and the product do it.
.DEFAULT_GOAL := help
.PHONY: help run test check guards fuzz soak fmt bench bench-quick lock clean deps dev

BIN := .venv/bin
export PYTHON EXAMPLES SEED

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: ## Start a server, a demo application and a tunnel to it; Ctrl-C ends them
	@scripts/run.sh

test: deps ## Install what the tests need and run all of them, and the proofs of guards in their order
	$(BIN)/pytest

check: dev ## Format, lint, types, import arrows, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit

guards: deps ## Switch every guard off, one at a time, and expect a red test; ONLY=http for some
	$(BIN)/python -m guards $(ONLY)

fuzz: dev ## Send random SSH messages to server and client; EXAMPLES=100000 and SEED=1 set how
	@scripts/fuzz.sh

soak: deps ## Traffic, churn and faults for ten minutes; SECONDS=120, SEED=1 and POSTGRES=1 set how
	PYTHONPATH=tests $(BIN)/python -m soak \
	    $(SECONDS:%=--seconds %) $(SEED:%=--seed %) $(POSTGRES:1=--postgres)

fmt: dev ## Format the code and sort its imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: dev ## Measure speed and cost beside OpenSSH and others (15 minutes, quiet machine)
	$(BIN)/python -m bench

bench-quick: dev ## The main rows of that in two minutes
	$(BIN)/python -m bench --quick

lock: dev ## Resolve the dependencies anew into the hashed locks
	scripts/lock.sh --upgrade

clean: ## Remove all that these targets made
	rm -rf .venv .cache build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf tests/e2e/oidc-provider/node_modules

deps: dev
	@scripts/test-deps.sh

dev:
	@scripts/venv.sh requirements-dev.lock
