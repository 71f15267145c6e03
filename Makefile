# Needs Python 3.11 or newer and make; everything else is put into .venv (by uv where there is one, else by pip).
# Windows: run it from Git Bash or MSYS2 (`make PY=python`), or use the words' commands by hand: each is one line.
PY ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
RUN := $(BIN)/python -m
UV := $(shell command -v uv 2>/dev/null)
READY := $(VENV)/.ready
# Neighbours stay together, and share what a file of tests has explored; who is done takes half of what another has left.
SPREAD := -n $(JOBS) --dist worksteal
unexport PYTHONDONTWRITEBYTECODE  # the tests start some hundreds of processes: what they import is compiled once

.PHONY: help report lab test test-most test-all browser test-lowest test-pythons coverage notebooks record matrix mutants bench lint lock clean
help:
	@echo "make report      run every notebook, write reports/index.html and one offline page each"
	@echo "make lab         open the notebooks in JupyterLab"
	@echo "make test        the quick tests (under two minutes)"
	@echo "make test-most   every test but the slow ones in the browser (a quarter of an hour)"
	@echo "make test-all    every test, browser and slow ones too"
	@echo "make browser     the tests that drive a headless Chromium"
	@echo "make test-lowest the report and the quick tests with the lowest versions that pyproject.toml allows"
	@echo "make test-pythons  the quick tests with every Python that it names and that is here (WORD=test-all: every test)"
	@echo "make coverage    which lines of the engine and the model no quick test runs"
	@echo "make notebooks   run the notebooks in place, keep only what is stable; write the README's picture and answer"
	@echo "make record      write the records in data/ anew (review the difference like code)"
	@echo "make matrix      case by policy: the verdicts, compared with the expected ones"
	@echo "make mutants     drop each condition of each rule: does a verdict change? (RULES='fork_copies': only these; writes nothing)"
	@echo "make bench       how fast the exploration is (ten minutes; QUICK=1: one; FULL=1: adds the large worlds)"
	@echo "make lint        ruff on code and notebooks, mypy on engine and model, TypeScript on the front end (where there is npm)"
	@echo "make lock        bring uv.lock up to pyproject.toml (needs uv; UPGRADE=1: with the newest versions that it allows)"
	@echo "make clean       remove what these words made (not .venv)"

report: $(READY)
	@$(RUN) tux3nb report --jobs $(JOBS)
lab: $(READY)
	@$(RUN) tux3nb lab
test: $(READY)
	@$(RUN) pytest -q $(SPREAD) -m "not slow and not browser"
test-most: $(READY)
	@$(RUN) pytest -q $(SPREAD) -m "not (slow and browser)"
test-all: $(READY)
	@$(RUN) pytest -q $(SPREAD)
browser: $(READY)
	@$(RUN) pytest -q -n $(JOBS) --dist loadgroup -m "browser and not slow"
test-lowest: $(READY)
	@$(RUN) tools.environments lowest
test-pythons: $(READY)
	@$(RUN) tools.environments pythons $(WORD)
coverage: $(READY)
	@$(RUN) coverage run -m pytest -q -m "not slow and not browser" tests/answers tests/engine tests/model tests/promela tests/show
	@$(RUN) coverage report
notebooks: $(READY)
	@$(RUN) tux3nb notebooks --jobs $(JOBS)
	@$(BIN)/python docs/make_front.py
record: $(READY)
	@$(RUN) tux3nb record
matrix: $(READY)
	@$(RUN) tux3nb matrix
mutants: $(READY)
	@$(RUN) tools.mutants --jobs $(JOBS) $(RULES)
bench: $(READY)
	@QUICK=$(QUICK) FULL=$(FULL) ONLY="$(ONLY)" $(RUN) benchmarks
lint: $(READY)
	@$(RUN) ruff check .
	@$(RUN) ruff format --check --quiet . || { echo "form: $(RUN) ruff format ." >&2; exit 1; }
	@$(RUN) mypy
	@$(RUN) tools.check_js
# Whatever index this machine asks, the lock file names the public one only.
lock:
	@test -n "$(UV)" || { echo "make lock needs uv (pip install uv)" >&2; exit 2; }
	@$(UV) lock $(if $(UPGRADE),--upgrade) --default-index https://pypi.org/simple
clean:
	rm -rf reports build dist .pytest_cache .ruff_cache .coverage
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

# The environment: made once, and again whenever pyproject.toml changes.
$(READY): pyproject.toml
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "tux3nb needs Python 3.11 or newer; '$(PY)' is $$($(PY) --version 2>&1 | head -n 1)." >&2; \
	  echo "Name another one: make PY=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "making $(VENV) with $(if $(UV),uv,pip) (once) ..." >&2
ifneq ($(UV),)
	@$(UV) venv -q --allow-existing --python "$$($(PY) -c 'import sys; print(sys.executable)')" $(VENV)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install -q $(if $(PINS),-c $(PINS)) -e '.[test,bench,dev]'
else
	@test -x $(BIN)/python || $(PY) -m venv $(VENV)
	@$(RUN) pip install -qq --disable-pip-version-check $(if $(PINS),-c $(PINS)) -e '.[test,bench,dev]'
endif
	@touch $@
