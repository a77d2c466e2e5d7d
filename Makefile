# Every target sets up what it needs in .venv; tools/environment.sh says how. Choose the interpreter with PYTHON=...

.DEFAULT_GOAL := help
.PHONY: help demo test test-browser test-slow lint docs notebooks bench clean

BIN := .venv/bin
export PYTHON
SET_UP := ./tools/environment.sh

# More arguments for pytest, for example PYTEST_ARGS="-k margin -x".
PYTEST_ARGS ?=

# One file of tests a worker, so that a module's fits are made once; one thread of linear algebra each.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

# Real market data for the tests marked devdata, if a checkout has it beside it.
ifeq ($(LIQBAYES_DEV_DATA),)
ifneq ($(wildcard ../shared/data/.),)
export LIQBAYES_DEV_DATA := $(abspath ../shared/data)
endif
endif

STARTED := $(shell date +%s)
ELAPSED = seconds=$$(( $$(date +%s) - $(STARTED) )); \
	echo "make $@: $$((seconds / 60)) min $$((seconds % 60)) s, set-up included"

help:
	@echo "make demo       fit the shipped simulated market, show posterior beside truth, write the report page"
	@echo "make test       the tests (about 10 minutes on two cores)"
	@echo "make test-slow  recovery, golden summaries, wheel, real data if present (up to 40 minutes)"
	@echo "make test-browser  the report page in a headless Chromium (CHROMIUM names one)"
	@echo "make lint       ruff and mypy"
	@echo "make docs       the documentation, into docs/_build/html"
	@echo "make notebooks  execute the notebooks"
	@echo "make bench      measure speed, writes benchmarks/RESULTS.md"
	@echo "make clean      remove .venv and everything built"

demo:
	@$(SET_UP) run
	@status=0; $(BIN)/liqbayes demo || status=$$?; \
	if [ $$status -eq 0 ] || [ $$status -eq 3 ]; then $(BIN)/liqbayes report liqbayes-demo --force || status=$$?; fi; \
	exit $$status

test:
	@$(SET_UP) dev
	@status=0; $(PYTEST) -m "not slow and not browser" $(PYTEST_ARGS) || status=$$?; $(ELAPSED); exit $$status

# A browser is the system's: $CHROMIUM, else the one on PATH, else Debian's package where it may be installed.
test-browser:
	@$(SET_UP) dev
	@browser=$$(./tools/browser.sh) || exit 1; status=0; \
	CHROMIUM="$$browser" OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser tests/page $(PYTEST_ARGS) || status=$$?; \
	$(ELAPSED); exit $$status

test-slow:
	@$(SET_UP) jax
	@status=0; $(PYTEST) -m slow $(PYTEST_ARGS) || status=$$?; $(ELAPSED); exit $$status

lint:
	@$(SET_UP) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs:
	@$(SET_UP) docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "written: docs/_build/html/index.html"

notebooks:
	@$(SET_UP) notebooks
	@set -e; out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	for notebook in notebooks/*.ipynb; do \
		echo "executing $$notebook"; \
		(cd notebooks && ../$(BIN)/python -m nbconvert --log-level=WARN --to notebook --execute \
			--ExecutePreprocessor.timeout=900 --KernelManager.transport=ipc --output-dir "$$out" "$$(basename "$$notebook")"); \
	done; $(ELAPSED)

bench:
	@$(SET_UP) dev
	@$(BIN)/python -m benchmarks $(TOPICS)

clean:
	rm -rf .venv build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
