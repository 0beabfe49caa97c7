# make demo, demo-images, bench, readme, test, check. Each makes .venv where it is not there.
PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_OFFLINE := 1
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo demo-images bench readme test check check-page

demo: .venv/.ready
	$(BIN)/python examples/demo.py

demo-images: .venv/.ready
	$(BIN)/python examples/digits.py

bench: .venv/.ready
	$(BIN)/mislabel bench quick --out runs/quick

readme: .venv/.ready
	$(BIN)/python -m pytest -m readme

test: export OMP_NUM_THREADS := 1
test: .venv/.ready
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not readme"

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
