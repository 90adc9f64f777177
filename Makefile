# Two commands for a newcomer: `make demo` and `make test`. Each sets up all it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= .spanledger
# Where it is set, each of the hundreds of processes that the tests start would compile all that it loads anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports unit long frameworks clients lock clean bench-ingest bench-sdk bench-sdk-peers bench-pages bench-replay bench-queries golden machine faults focus

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Spanledger needs Python 3.11 or newer; set PYTHON=python3.12 or similar"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: $(VENV)/installed ## a month of example traffic, then the dashboard on http://127.0.0.1:8787
	$(BIN)/spanledger demo --data $(DATA)

test: $(VENV)/installed lint types imports unit ## everything that must be green

lint: $(VENV)/installed ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed ## strict type check
	$(BIN)/basedpyright

imports: $(VENV)/installed ## import directions
	$(BIN)/lint-imports

unit: $(VENV)/installed ## pytest
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

long: $(VENV)/installed ## pytest with the tests that take long
	$(BIN)/python -m pytest -m "long or not long"

frameworks: $(VENV)/installed ## real packages of every library that is instrumented, each in an environment of its own
	$(BIN)/python -m tests.sdk.frameworks.run --write-docs

clients: $(VENV)/installed ## SDKs of JavaScript and Java and a Collector, fetched and built at first, sending here
	FETCH_CLIENTS=1 $(BIN)/python -m pytest -m "long or not long" tests/clients

golden: $(VENV)/installed ## rewrite the schema that tests compare with, after a change of it on purpose
	$(BIN)/spanledger migrate --render > tests/store/golden/one_server.sql
	$(BIN)/spanledger migrate --render --cluster main --shards 2 > tests/store/golden/cluster.sql

lock: ## renew requirements.lock
	uv pip compile --universal --python-version 3.11 --extra dev pyproject.toml --upgrade \
	  --no-emit-index-url --no-annotate --generate-hashes --quiet -o requirements.lock

bench-ingest: $(VENV)/installed ## durable spans per second
	$(BIN)/python benchmarks/ingest.py

bench-sdk: $(VENV)/installed ## overhead of @observe
	$(BIN)/python benchmarks/sdk_overhead.py

bench-sdk-peers: $(VENV)/installed ## what ours and other SDKs cost; fetches the others; writes docs/sdk-overhead.md
	$(BIN)/python benchmarks/sdk_peers.py --markdown

bench-pages: $(VENV)/installed ## time until the pages can be used
	$(BIN)/python benchmarks/pages.py

bench-replay: $(VENV)/installed ## 28,185 real requests, checked against independent arithmetic
	$(BIN)/python benchmarks/replay_azure.py --engine both --twice

bench-queries: $(VENV)/installed ## every query over five million spans; fills $(DATA)-bench first
	test -d $(DATA)-bench || $(BIN)/python benchmarks/seed.py --data $(DATA)-bench --spans 5000000
	$(BIN)/python benchmarks/queries.py --data $(DATA)-bench
	$(BIN)/python benchmarks/trace_page.py --data $(DATA)-bench

machine: $(VENV)/installed ## thousands of random histories with crashes, deletions, prices and retention
	MACHINE_EXAMPLES=2000 $(BIN)/python -m pytest tests/line/test_machine.py

focus: $(VENV)/installed ## a FOCUS export before the FinOps Foundation's validator, installed apart at first
	$(BIN)/python benchmarks/focus_validation.py

faults: $(VENV)/installed ## kill, fill, cut off, slow down and damage a running installation, minutes each
	$(BIN)/python -m benchmarks.faults --seconds 120 --write-docs

clean: ## remove the environment and the demo's data
	rm -rf $(VENV) $(DATA) $(DATA)-bench
