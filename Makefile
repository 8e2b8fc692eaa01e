# Fringeflow: `make help` lists what can be made.
PYTHON ?= python3
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
ARGS ?=
ROUNDS ?= 200
SEED ?= 1

.PHONY: help run test test-crash test-slurm lint format fuzz docs bench clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  CORES=4 limits the processes, ARGS='--configfile config/real.yaml' is handed to snakemake"

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)) and "Fringeflow needs Python 3.11 or 3.12, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned dependencies into $(VENV) (about 8 GB with torch; once)"
	$(PIP) install --quiet --no-compile -c constraints.txt -e '.[all]'
	@# pip compiles on one core, this on all; a few files are for other Pythons, hence no look at the exit code
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) install --quiet -c constraints.txt -e '.[all,test]'
	@touch $@

run: $(VENV)/installed ## install if needed, then run the whole workflow; ARGS go to snakemake
	$(BIN)/snakemake --cores $(CORES) $(ARGS)

test: lint ## install if needed, then lint and run every test
	$(BIN)/pytest -n 2 tests/unit tests/real
	$(BIN)/pytest -rs -n 2 --dist loadfile --no-loadscope-reorder tests/crash tests/workflow tests/browser

test-crash: $(VENV)/installed-test ## kill -9 at random moments for longer: ROUNDS=500 SEED=7 (minutes to hours)
	FRINGEFLOW_CRASH_ROUNDS=$(ROUNDS) FRINGEFLOW_CRASH_SEED=$(SEED) $(BIN)/pytest -s tests/crash/test_rounds.py

test-slurm: $(VENV)/installed-test ## the embedded default, and all that goes wrong, on a SLURM cluster started here (root; tests/slurm/cluster.sh install)
	FRINGEFLOW_SLURM=1 $(BIN)/pytest -rs -s tests/slurm

lint: $(VENV)/installed-test ## ruff, snakefmt, mypy and snakemake --lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/mypy --num-workers auto
	$(BIN)/snakemake --lint

format: $(VENV)/installed-test ## rewrite the sources in house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

fuzz: $(VENV)/installed-test ## fuzz the parser of listings for an hour
	FRINGEFLOW_FUZZ_S=3600 $(BIN)/pytest tests/unit/test_hostile_fuzz.py

docs: $(VENV)/installed ## regenerate config/README.md and the schema
	$(BIN)/python -m fringeflow.config.docs config

bench: $(VENV)/installed-test ## print the ratios that the issues set bars for (minutes)
	for bench in benchmarks/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

clean: ## remove results and logs (not the environment)
	rm -rf results logs
