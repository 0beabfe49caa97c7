# make demo, demo-images, bench, docs, readme, test, test-all, check, mutants, oldest, release. Each makes .venv where it is not there.
PYTHON ?= python3
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
# `make test CONSTRAINTS=` takes the newest versions in place of those that were tested together.
CONSTRAINTS ?= -c constraints.txt
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS)
export HF_HUB_OFFLINE := 1
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo demo-images bench docs readme test test-all mutants oldest release check check-page

demo: .venv/.ready
	$(BIN)/python examples/demo.py

demo-images: .venv/.ready
	$(BIN)/python examples/digits.py

bench: .venv/.ready
	$(BIN)/mislabel bench quick --out runs/quick

# The site: build/site/README.html. A warning is an error.
docs: .venv/.ready
	$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going --conf-dir docs . build/site

readme: .venv/.ready
	$(PYTEST) -m readme

# Two processes; each takes file after file, those that take longest first (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test test-all mutants: export OMP_NUM_THREADS := 1
test: .venv/.ready
	$(PYTEST) -m "not sweep and not slow and not readme"

# PART=K/N runs of the sweeps only the K-th of N parts: all of them are an hour of two processors.
PART ?=
test-all: test
	$(PYTEST) -m "(sweep or slow) and not readme" $(if $(PART),--part $(PART))

# Small changes of the code that a test must notice; MUTANTS="posterior/gate.py --most 40" for more of one file.
MUTANTS ?= decisions dynamics posterior training
mutants: .venv/.ready
	$(PIP_INSTALL) -e ".[mutation]"
	$(BIN)/python tools/mutants.py $(MUTANTS)

# The quick tests on the oldest versions that pyproject allows, in an environment of their own.
oldest: .venv/.ready
	$(PIP_INSTALL) -e ".[release]"
	$(BIN)/python tools/oldest.py

# Build, look at and try what would be published: dist/.
release: .venv/.ready
	$(PIP_INSTALL) -e ".[release]"
	$(BIN)/python tools/release.py

check: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory check-page; \
	else echo "There is no npm here, so the modules of the review page are not checked."; fi

check-page: node_modules/.ready
	npm run --silent check

node_modules/.ready: package.json package-lock.json
	npm ci --silent
	touch $@

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) -e ".[dev]"
	touch $@
