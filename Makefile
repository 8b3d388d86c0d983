# FlowTrace: `make` lists what there is to make.
#
# Everything runs in a virtual environment, VENV, with FlowTrace installed in it
# as a user would have it: not editable, since flowtrace.pth has to lie in
# site-packages. What is built for VENV lies in build/.
#
#   make demo PYTHON=python3.13                 this interpreter, not the first found
#   make pytest VENV=.venv-3.13 PYTHON=...      beside the one in .venv
#   make pytest ARGS='-k orders'                more for pytest
#   make pytest SETUP=-Dbuildtype=debug ...     more for meson: here, with assertions
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help demo test test-all unit golden behaviour observer pytest leaks crash lint format asan fuzz tsan interleaving bench bench-full bench-reader bench-exports instructions docs clean set-up always

VENV ?= .venv
# Where tools/sid makes Debian sid: it outlives the checkout.
SID ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/flowtrace/sid
ARGS ?=
FUZZ_SECONDS ?= 60
SETUP ?=
BIN := $(VENV)/bin
PY := $(BIN)/python
STATE := build/for-$(patsubst .%,%,$(notdir $(VENV)))
PIP := $(PY) -m pip --disable-pip-version-check --quiet
PYTHON_CODE := flowtrace tools tests bench examples
C_CODE = $(shell find src tests -name '*.[ch]')
SOURCES := $(shell find src flowtrace -type f ! -path '*/__pycache__/*') \
           meson.build meson.options pyproject.toml flowtrace.pth
# Warnings are errors in CI alone: another compiler's new warning is no user's trouble.
WERROR := $(if $(CI),-Dwerror=true)
# meson and ninja are looked up on PATH.
TOOLS = PATH="$(abspath $(BIN)):$$PATH"

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Which interpreter: PYTHON=python3.13. Another environment than .venv: VENV=.venv-3.13"

demo: $(STATE)/installed ## build FlowTrace and show what it tells of examples/orders
	@$(BIN)/flowtrace run -o build/orders.flow examples/orders/app.py
	@printf '\nWhat next?\n'
	@printf '  %-70s %s\n' '$(BIN)/flowtrace show --errors build/orders.flow' 'what went wrong, and who caught it' \
	    '$(BIN)/flowtrace export flame -o build/orders.html build/orders.flow' 'a flame graph for your browser' \
	    '$(BIN)/flowtrace run your_app.py' 'your own program, run as by python'

test: unit pytest lint ## everything that is tested: C units, golden, behaviour, lint

test-all: ## units, tests and leaks on every CPython here and in Debian sid, in one table (SID=folder of it; SID=none)
	@tools/pythons $(if $(filter none,$(SID)),,--sid "$(SID)")

unit: $(STATE)/tools ## the C unit tests
	@$(TOOLS) tools/run-unit $(STATE)/unit $(SETUP) $(WERROR)

asan: $(STATE)/tools ## the C unit tests under the address and undefined behaviour sanitizers
	@ASAN_OPTIONS=detect_stack_use_after_return=1 $(TOOLS) tools/run-unit $(STATE)/asan $(WERROR) -Dbuildtype=debugoptimized -Db_lundef=false -Db_sanitize=address,undefined

fuzz: ## damaged traces made at random: the reader, the model, the views (FUZZ_SECONDS=60 each: clang's sanitizers, AFL++, blind)
	@tools/run-fuzz build/fuzz $(FUZZ_SECONDS)

tsan: ## tests of threads under ThreadSanitizer (PYTHON=a CPython configured --disable-gil --with-thread-sanitizer)
	@TSAN_OPTIONS=report_bugs=0 $(MAKE) --no-print-directory build/for-venv-tsan/pytest VENV=.venv-tsan \
	    SETUP='-Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized'
	@tools/tsan .venv-tsan $(ARGS)

interleaving: ## the steps by which writers and readers share a trace, in every order that C11 allows
	@mkdir -p build && $(CC) -std=gnu11 -O2 -U_FORTIFY_SOURCE -Isrc/trace -o build/interleaving tests/interleaving/*.c
	@build/interleaving 20000000

.PHONY: stress
stress: $(STATE)/tools ## 64 threads write to one trace while others read it, under ThreadSanitizer (3 minutes)
	@$(PY) -m pip --disable-pip-version-check --quiet install pytest
	@STRESS=20 $(PY) -m pytest -q -p no:cacheprovider --noconftest tests/stress $(ARGS)

golden: $(STATE)/installed $(STATE)/dev ## programs and the exact text that must be told of them
	@$(BIN)/pytest tests/golden $(ARGS)

behaviour: $(STATE)/installed $(STATE)/dev ## what recording must do and never do to a program
	@$(BIN)/pytest tests/behaviour $(ARGS)

observer: $(STATE)/installed $(STATE)/dev ## other people's test suites, traced and untraced (ARGS=--quick: 5 minutes)
	@$(PY) tests/observer/foreign.py --write docs/observer-effect.md $(ARGS)

pytest: $(STATE)/installed $(STATE)/dev ## all tests that are written in Python
	@$(BIN)/pytest -n auto --dist worksteal tests $(ARGS)

.PHONY: interop
interop: $(STATE)/installed $(STATE)/dev ## the real programs that read what we export (with Chromium, node, cargo, go, graphviz; 15 minutes)
	@failed=0; for script in tests/interop/*.py; do $(PY) $$script || failed=1; done; exit $$failed

leaks: $(STATE)/installed ## what is left of calls of every kind when they have been recorded
	@$(PY) tests/leaks/leaks.py $(ARGS)

crash: $(STATE)/installed ## programs that are killed at 1,200 random moments and at each instruction, and what their traces hold
	@$(PY) tests/crash/steps.py --steps 10 || [ $$? = 77 ]
	@$(PY) tests/crash/crash.py $(ARGS)

lint: $(STATE)/dev ## who may include whom, ruff, mypy, clang-format
	@$(PY) tools/lint_rooms.py
	@$(BIN)/ruff check --quiet $(PYTHON_CODE)
	@$(BIN)/ruff format --quiet --check --diff $(PYTHON_CODE)
	@$(BIN)/mypy --strict -p flowtrace
	@$(BIN)/clang-format --dry-run -Werror $(C_CODE)

format: $(STATE)/dev ## lay out Python and C
	@$(BIN)/ruff check --quiet --fix --exit-zero $(PYTHON_CODE)
	@$(BIN)/ruff format $(PYTHON_CODE)
	@$(BIN)/clang-format -i $(C_CODE)

bench: $(STATE)/installed ## what recording costs, beside cProfile and the interpreter's own floor, and what reading takes (8 minutes)
	@$(PY) bench/harness.py $(ARGS)
	@$(PY) bench/reading.py

bench-full: $(STATE)/installed ## the same beside all other recorders, which are installed in build/bench (40 minutes)
	@$(PY) bench/harness.py --full --rounds 3 $(ARGS)

bench-reader: $(STATE)/installed ## what reading a trace of 1 and 10 million calls takes (ARGS=--huge: 100 million)
	@$(PY) bench/reading.py $(ARGS)

bench-exports: $(STATE)/installed ## what each format of flowtrace export takes, of 1 million calls (ARGS='--calls 10M')
	@$(PY) bench/exports.py $(ARGS)

instructions: $(STATE)/installed ## instructions that recording adds to a call, with valgrind; more than there were fail
	@$(PY) bench/instructions.py $(ARGS)

docs: $(STATE)/installed $(STATE)/dev ## write again what the documents show of real output
	@$(PY) tools/regenerate.py
	@$(PY) bench/document.py

clean: ## remove all that was made
	rm -rf build .venv .venv-* .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment, each step once ---------------------------------------

set-up: $(STATE)/installed $(STATE)/dev

$(STATE)/interpreter: always
	@tools/make-venv "$(VENV)" "$@"

$(STATE)/tools: $(STATE)/interpreter pyproject.toml tools/requirements.py
	@echo "Installing build tools"
	@$(PY) tools/requirements.py build >$@.txt && $(PIP) install -r $@.txt && touch $@

$(STATE)/dev: $(STATE)/interpreter pyproject.toml tools/requirements.py
	@echo "Installing pytest, ruff, mypy"
	@$(PY) tools/requirements.py dev >$@.txt && $(PIP) install -r $@.txt
	@for partner in $$($(PY) tools/requirements.py partners); do \
	    $(PIP) install --prefer-binary --only-binary :all: $$partner >/dev/null 2>&1 || echo "No $$partner for this Python"; done
	@touch $@

$(STATE)/pytest: $(STATE)/installed
	@$(PY) tools/requirements.py dev | grep pytest >$@.txt && $(PIP) install -r $@.txt && touch $@

$(STATE)/installed: $(STATE)/tools $(SOURCES)
	@echo "Installing FlowTrace"
	@$(TOOLS) $(PIP) install --no-build-isolation --no-deps --force-reinstall \
	    --config-settings=build-dir=$(STATE)/meson $(addprefix --config-settings=setup-args=,$(SETUP) $(WERROR)) .
	@$(PY) -P -c 'import flowtrace._core' 2>/dev/null || \
	    echo "No C compiler or no Python.h here: FlowTrace is installed without its compiled core"
	@touch $@
