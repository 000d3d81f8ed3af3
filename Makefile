# ferry, from a fresh clone: `make demo` to watch it, `make test` to judge it.
# Thin on purpose: every target calls a script under scripts/ or a preset of CMakePresets.json.
PREFIX ?= /usr/local
DESTDIR ?=
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup build demo demo-reflash demo-bare-metal check test bench fuzz soak install clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r t d; \
		do printf '  make %-15s %s\n' "$$t" "$$d"; done

setup: ## install what build, demo and test need (root or sudo)
	@scripts/setup.sh build demo test fetch
	@scripts/venv.sh
	@scripts/fetch_littlefs.sh --try
	@scripts/fetch_bearssl.sh --try

build: ## build/release/ferry
	@scripts/setup.sh build fetch
	@scripts/fetch_littlefs.sh --try
	@scripts/build.sh release

demo: ## watch a virtual device being updated and rolled back, by hand and by a server
	@scripts/setup.sh build demo
	@scripts/build.sh release
	@scripts/demo.sh
	@scripts/demo_fleet.py

demo-reflash: ## watch one move to another layout while its power is cut ten times
	@scripts/setup.sh build demo
	@scripts/build.sh release
	@scripts/demo_reflash.sh

demo-bare-metal: ## watch machine code update itself on an emulated chip, and lose power
	@scripts/setup.sh build demo emulator
	@scripts/build.sh release
	@python3 scripts/demo_bare_metal.py

check: ## the quick tests, for working: about three minutes
	@scripts/test.sh check

test: ## everything; what CI runs
	@scripts/test.sh all

bench: ## time ferry beside its peers on the same files
	@scripts/test.sh bench

fuzz: ## fuzz each target for SECONDS=60 seconds
	@scripts/setup.sh build test fetch
	@scripts/fetch_littlefs.sh
	@scripts/fuzz.sh $(or $(SECONDS),60)

soak: ## the random tests for long: SEEDS=20000 for every torn flash operation
	@scripts/setup.sh build test
	@scripts/soak.sh $(or $(SEEDS),20000)

install: build ## install into $(DESTDIR)$(PREFIX)
	@scripts/install.sh "$(DESTDIR)" "$(PREFIX)"

clean: ## remove what was built, but not what was fetched
	@find build -mindepth 1 -maxdepth 1 ! -name venv ! -name littlefs ! -name bearssl -exec rm -rf {} +
