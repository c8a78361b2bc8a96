# Every target sets up what it needs: a private .venv with locked versions.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test chaos check format bench lock clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## A whole flywheel run in conversation, on this machine, on a synthetic log
	@$(BIN)/flywheel demo

# Tests start many processes; where this is set, each of them compiles our modules anew.
test chaos: export PYTHONDONTWRITEBYTECODE =
test: $(READY) ## The fast test suite
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q

chaos: $(READY) ## Whole runs whose workers are killed again and again
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m chaos

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
