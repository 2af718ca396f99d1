# The one vocabulary of tasks: people and `.ci/run` call these targets. `make` alone lists them.
PYTHON ?= python3
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format shell bench schemas lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
setup: ## get uv, the locked packages and Pulumi's engine; seconds when they are there
	@$(PYTHON) -m tools.bootstrap
demo: setup ## the whole loop on this machine, in a scratch clone below .local/; stays up until `make clean`
	@.venv/bin/mlops demo
test: setup ## tests with coverage, then `make lint`; says what was skipped, and why
	@.venv/bin/python -m tools.checks test lint
lint: setup ## ruff, types, import directions
	@.venv/bin/python -m tools.checks lint
format: setup ## let ruff format the code and repair what it can
	@.venv/bin/ruff format --quiet . && .venv/bin/ruff check --quiet --fix .
shell: setup ## a shell with the right pulumi, state and passphrase for the local stacks
	@.venv/bin/python -m tools.shell
bench: setup ## measure the model server beside MLflow's own, into docs/bench.md
	@.venv/bin/python -m bench
schemas: setup ## write the JSON schemas of environments/ again from its types
	@.venv/bin/python -m environments.schemas
lock: setup ## resolve pyproject.toml again into requirements.lock, tools/uv.txt and tools/go.txt
	@$(PYTHON) -m tools.lock
clean: ## stop and remove everything that runs from this clone, and .local/
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m tools.clean; else rm -rf .local; fi
