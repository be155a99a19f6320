# Everything starts here. `make help` lists the verbs.
#
# Needs Python 3.11 or newer (with venv) and make; the rest goes into .venv in this folder.
#   make PYTHON=python3.13 test     another interpreter
#   make report ARGS="-p bandwidth_gbps 25"

PYTHON ?= python3
ARGS ?=
PY := .venv/bin/python
READY := .venv/.ready

# Some container and CI images set this. uv compiles no bytecode at install, so without it every
# process would compile pandas and seaborn anew: seconds for each notebook.
unexport PYTHONDONTWRITEBYTECODE
# `agg` would leave the notebooks without any picture.
unexport MPLBACKEND

# An environment holds absolute paths: one copied or moved along with the folder is made anew.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
MOVED := moved
endif

.DEFAULT_GOAL := help
.PHONY: help setup report test thorough nightly fuzz soak ordinary versions hostile coverage mutants gallery lab laboratory bench format check audit bom lock clean moved

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(READY)  ## set up the environment .venv, which every other verb does too
	@echo "Ready. Activate the environment: . .venv/bin/activate"

report: $(READY)  ## run every notebook and write reports/index.html
	@$(PY) -m analysis report $(ARGS)

test: $(READY)  ## run the tests, but for the longest
	@echo "Running the tests"
	@$(PY) -m pytest $(SIDE_BY_SIDE) $(ARGS)

thorough: $(READY)  ## the other tests that continuous integration runs: longer than five minutes with them
	@echo "Running the thorough tests"
	@$(PY) -m pytest $(SIDE_BY_SIDE) -m thorough $(ARGS)

nightly: $(READY)  ## tests that take half a minute or more each
	@$(PY) -m pytest -m nightly $(ARGS)
	@$(if $(ARGS),:,echo "Then the batch without forked kernels" && $(MAKE) --no-print-directory ordinary)

fuzz: $(READY)  ## long random tests of the readers of host files (nightly; hours: CASES=1000 takes a tenth)
	@FUZZ_CASES=$(or $(CASES),10000) $(PY) -m pytest tests/observations/test_fuzz.py tests/observations/test_metamorphic.py tests/observations/test_large.py $(ARGS)

soak: $(READY)  ## hundreds of kills, full disks, two runs at once (nightly: half an hour; KILLS=30 takes five minutes)
	@$(PY) -m tests.soak --kills $(or $(KILLS),300) --seed $(or $(SEED),1) $(ARGS)

ordinary: $(READY)  ## the batch and its kills as where kernels cannot be forked: Windows, macOS (nightly)
	@MIGRATION_STUDY_ORDINARY_KERNELS=yes $(PY) -m tests.soak --kills 10 --minutes 2 --only "report, no fork"
	@MIGRATION_STUDY_ORDINARY_KERNELS=yes $(PY) -m pytest tests/batch $(ARGS)

versions: $(READY)  ## tests with the oldest and the newest packages that are allowed (nightly; PYTHON=python3.13 too)
	@$(FIND_UV); for which in lowest-direct highest; do \
	    echo "Tests with $$("$(PYTHON)" -V) and the $$which versions"; \
	    "$$uv" venv --quiet --clear --python "$(PYTHON)" .venv/$$which && \
	    "$$uv" pip install --quiet --python .venv/$$which/bin/python --resolution $$which --only-binary :all: -e '.[test]' && \
	    .venv/$$which/bin/python -m pytest -q -W default -p no:cacheprovider -m "not slow and not nightly" $(or $(ARGS),$(VERSIONS)) || exit 1; \
	done

hostile: $(READY)  ## what a stranger could give, to every face, and how much of it ended in a sentence
	@$(PY) -m tests.hostile
	@$(PY) -m pytest -q -m '' tests/hostile/test_data_never_code.py tests/hostile/test_address.py tests/hostile/test_earlier.py $(ARGS)

coverage: $(READY)  ## which branches of analysis/ no test takes; below 95 % it fails (nightly: twice the time of test)
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest $(SIDE_BY_SIDE) -m "not nightly" $(ARGS)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

mutants: $(READY)  ## change model and studies one thing at a time: a test has to notice (nightly; ARGS="--share 0.1" takes a tenth)
	@$(FIND_UV); $(PY) -c 'import mutmut' 2>/dev/null || "$$uv" pip install --quiet --python $(PY) mutmut==3.8.1
	@$(PY) -m tests.mutants $(ARGS)

gallery: $(READY)  ## every notebook in thirty situations, all figures on contact sheets (ARGS=01-bandwidth)
	@$(PY) gallery/sheets.py $(ARGS)

# JupyterLab refuses to run as root unless told; in a container there often is nobody else.
lab: $(READY)  ## open the notebooks in JupyterLab
	@$(PY) -m jupyter lab notebooks $$([ "$$(id -u)" = 0 ] && echo --allow-root) $(ARGS)

laboratory: $(READY)  ## measure migrations of QEMU on this machine, as root: two minutes (ARGS="LIST.csv --out FOLDER")
	@$(PY) -m data.collect.laboratory $(or $(ARGS),--sample)

bench: $(READY)  ## time passes beside C (BENCH=sweep, hosts, small, page ...; ARGS="--out F", "--against F")
	@$(PY) benchmarks/$(or $(BENCH),passes).py $(ARGS)

format: $(READY)  ## put code and notebooks into the common format
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

check: $(READY)  ## look for mistakes, wrong types and what is not formatted
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

audit: $(READY)  ## ask whether a known fault is in the packages of lock.txt (pip-audit; needs its service)
	@$(FIND_UV); "$$uv" tool run --quiet pip-audit --strict --requirement lock.txt --require-hashes --disable-pip $(ARGS)

bom: $(READY)  ## write dist/bom.json: what the study is made of, as CycloneDX
	@mkdir -p dist
	@$(FIND_UV); "$$uv" tool run --quiet --from cyclonedx-bom cyclonedx-py requirements lock.txt \
	    --pyproject pyproject.toml --output-reproducible --of JSON -o dist/bom.json
	@echo "dist/bom.json is written"

COMPILE = pip compile --quiet --universal --no-header --no-annotate --extra test
SAYS = for every Python from 3.11 on. Renew with: make lock

lock: $(READY)  ## renew constraints.txt and lock.txt: the newest versions that fit together (KEEP=1: as far as they stand)
	@echo "Resolving the newest versions for Python 3.11 and later"
	@$(FIND_UV); "$$uv" $(COMPILE) $(if $(KEEP),-c constraints.txt,--upgrade) -o .venv/constraints.txt pyproject.toml >/dev/null
	@$(FIND_UV); "$$uv" $(COMPILE) --generate-hashes -c .venv/constraints.txt -o .venv/lock.txt pyproject.toml >/dev/null
	@{ echo "# The versions this study was tested with, $(SAYS)"; cat .venv/constraints.txt; } > constraints.txt
	@{ echo "# What make installs: constraints.txt with the checksums of every file, $(SAYS)"; cat .venv/lock.txt; } > lock.txt
	@echo "constraints.txt and lock.txt are new; run: make test"

clean:  ## remove the environment, the reports and all caches
	@echo "Removing .venv, reports and caches"
	@rm -rf .venv reports dist build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Tests of a file run in one process, as many at a time as there are processors and one more.
SIDE_BY_SIDE = -n auto --dist loadfile --no-loadscope-reorder

# What `make versions` runs: the packages' own tests watch warnings, pictures and pages.
VERSIONS = tests/model tests/studies tests/observations tests/cli tests/batch

# uv installs in seconds what takes pip a minute and a half: the one on the PATH, else one of our own.
FIND_UV = uv=$$(command -v uv) || { uv=.venv/bin/uv; \
	    [ -x $$uv ] || $(PY) -m pip install --quiet --disable-pip-version-check uv || uv=false; }

# What others made comes by the checksums of the lock; the study itself is built by what came with it.
LOCKED = --require-hashes -r lock.txt
ITSELF = --no-deps --no-build-isolation -e .
LOG := .venv/setup.log
# What uv and pip say where no package index answers.
UNREACHABLE = [Nn]ame resolution|name or service not known|dns error|[Ff]ailed to establish a new connection|error sending request|client error \(Connect\)|[Nn]etwork is unreachable|[Cc]onnection refused|[Nn]ewConnectionError|ProxyError|ConnectTimeout|timed out

$(READY): pyproject.toml lock.txt $(MOVED)
	@command -v "$(PYTHON)" >/dev/null || \
	    { echo "error: no $(PYTHON) found; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"; exit 1; } >&2
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "error: Python 3.11 or newer is needed, $(PYTHON) is $$("$(PYTHON)" -V 2>&1); name another: make PYTHON=python3.12"; exit 1; } >&2
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "error: $(PYTHON) comes without venv; install it first, on Debian and Ubuntu: apt install python3-venv"; exit 1; } >&2
	@echo "Setting up .venv with $$("$(PYTHON)" -V): some 150 packages, a minute or two the first time"
	@rm -f $(READY)
	@[ -z "$(MOVED)" ] && $(PY) -c 'import pip' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	@{ $(FIND_UV); { "$$uv" pip install --python $(PY) $(LOCKED) && "$$uv" pip install --python $(PY) $(ITSELF); } || \
	    { ! grep -Eq '$(UNREACHABLE)' $(LOG) && \
	      echo "uv could not install; trying pip with the same versions" && \
	      $(PY) -m pip install $(LOCKED) && $(PY) -m pip install $(ITSELF); }; \
	 } >$(LOG) 2>&1 </dev/null || { \
	    if grep -Eq '$(UNREACHABLE)' $(LOG); then \
	        echo "error: no package index can be reached; set-up needs a network (what was tried: $(LOG))"; \
	    else cat $(LOG); echo "error: the packages could not be installed; what was said stands above and in $(LOG)"; fi; \
	    exit 1; } >&2
	@printf '%s\n' "$(CURDIR)" > $(READY)
