# make demo, demo-images, bench, docs, readme, test, test-all, check, mutants. Each makes .venv where it is not there.
PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_OFFLINE := 1
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo demo-images bench docs readme test test-all mutants check check-page

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
	$(BIN)/python -m pytest -m readme

# Two processes; each takes file after file, those that take longest first (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test test-all mutants: export OMP_NUM_THREADS := 1
test: .venv/.ready
	$(PYTEST) -m "not sweep and not slow and not readme"

test-all: test
	$(PYTEST) -m "(sweep or slow) and not readme"

# Small changes of the code that a test must notice; MUTANTS="posterior/gate.py --most 40" for more of one file.
MUTANTS ?= decisions dynamics posterior training
mutants: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[mutation]"
	$(BIN)/python tools/mutants.py $(MUTANTS)

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
