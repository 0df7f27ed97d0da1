# What a newcomer, a developer and CI run; each target installs what it needs first.
#
#   make demo     run scenarios/checkout, the main job
#   make test     run the tests on each of Python 3.11, 3.12 and 3.13 that this machine has
#   make check    lint, formatting, types, import layers
#   make fix      repair what can be repaired without thought
#   make bench    print the figures
#   make help     the rest

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.SUFFIXES:

# "3.11:/usr/bin/python3.11 3.12:...", each Python that this machine has. Narrow it: make test PYTHONS_WANTED=3.12
PYTHONS_WANTED ?= 3.11 3.12 3.13
PYTHONS := $(shell tools/pythons $(PYTHONS_WANTED) | tr ' ' ':')
VERSIONS := $(foreach python,$(PYTHONS),$(firstword $(subst :, ,$(python))))
# What runs once, not on each Python, runs on the oldest: what it accepts, all accept.
FIRST := $(firstword $(VERSIONS))
BIN := .venv-$(FIRST)/bin

# Tests wait for CPU alone, so a process for each core, but at most 8. Give one test more room: make test ARGS=tests/core
JOBS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((cores < 8 ? cores : 8)))
ARGS ?=

ifeq ($(PYTHONS),)
ifeq ($(filter help clean,$(MAKECMDGOALS)),)
$(if $(MAKECMDGOALS),$(error No Python with venv was found here ($(PYTHONS_WANTED)). Install one: \
Debian's is `apt-get install python3 python3-venv`, any other by pyenv or python.org))
endif
endif

.PHONY: help demo test check fix bench lint types layers coverage changelog pins build clean \
	$(VERSIONS:%=test-%) $(VERSIONS:%=.venv-%)

help:
	@sed -n 's/^#   //p' Makefile
	@echo 'make test-3.12 (one Python), coverage, build (a wheel), changelog VERSION=x.y.z, pins (renew them), clean'
	@echo 'Pythons found here: $(or $(VERSIONS),none)'

# Decides itself whether there is anything to do.
$(VERSIONS:%=.venv-%): .venv-%:
	@$(patsubst $*:%,%,$(filter $*:%,$(PYTHONS))) tools/environment.py $@

demo: .venv-$(FIRST)
	$(BIN)/python -m pytest --mesh-scenario=scenarios/checkout

test: $(VERSIONS:%=test-%)
	@echo 'Tested on Python $(VERSIONS)'

$(VERSIONS:%=test-%): test-%: .venv-%
	.venv-$*/bin/python -m pytest --numprocesses=$(JOBS) $(ARGS)

check: lint types layers

lint: .venv-$(FIRST)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv-$(FIRST)
	$(BIN)/mypy

layers: .venv-$(FIRST)
	@$(BIN)/lint-imports --no-cache > .importlinter.out 2>&1 && tail -3 .importlinter.out || { cat .importlinter.out; exit 1; }

fix: .venv-$(FIRST)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv-$(FIRST)
	@over=; for script in $(or $(ARGS),$(sort $(wildcard benchmarks/[a-z]*.py))); do \
		echo "== $$script"; $(BIN)/python $$script || over="$$over $$script"; \
	done; [ -z "$$over" ] || { echo "failed, or over its limit:$$over"; exit 1; }

coverage: .venv-$(FIRST)
	$(BIN)/python -m pytest --numprocesses=$(JOBS) --cov --cov-report=term $(ARGS)

build: .venv-$(FIRST)
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

changelog: .venv-$(FIRST)
	$(BIN)/towncrier build --version $(or $(VERSION),$(error say which: make changelog VERSION=x.y.z)) --yes

# The newest of everything, then whatever that was, written down. Run `make test` before committing it.
pins:
	rm -rf $(VERSIONS:%=.venv-%)
	: > constraints/pins.txt
	$(MAKE) $(VERSIONS:%=.venv-%)
	$(BIN)/python tools/pin.py $(VERSIONS:%=.venv-%/bin/python)

clean:
	rm -rf .venv-3.1? dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* .importlinter.out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
