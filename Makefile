# Thin wrappers: each target is one line of something you could type yourself.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
FUZZ_SECONDS ?= 60
cmake_build = cmake --build --preset

.DEFAULT_GOAL := help
.PHONY: help bootstrap bootstrap-dev build run tour test bench asan tsan fuzz tidy format format-check clean

help:
	@scripts/help.sh

bootstrap:
	@scripts/bootstrap.sh

bootstrap-dev:
	@scripts/bootstrap.sh --dev

# Configures a preset once, and again when the presets change; CMake sees all other changes by itself.
build/%/build.ninja: CMakePresets.json | bootstrap
	@cmake --preset $* && touch $@

build/fuzz/build.ninja build/tidy/build.ninja: | bootstrap-dev

build: build/release/build.ninja
	@$(cmake_build) release -j $(JOBS)

run: build
	@scripts/run.sh

tour: build
	@scripts/tour.sh

test: build
	@scripts/bootstrap.sh --browser || echo "without a browser the tests of the page are skipped"
	@scripts/run_tests.py release

bench: build
	@scripts/bench.sh

asan tsan: %: build/%/build.ninja
	@$(cmake_build) $@ -j $(JOBS)
	@scripts/run_tests.py $@

fuzz: build/fuzz/build.ninja
	@$(cmake_build) fuzz -j $(JOBS)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz.sh build/fuzz

tidy: build/tidy/build.ninja
	@scripts/tidy.sh build/tidy $(JOBS)

format: bootstrap-dev
	@scripts/format.sh

format-check: bootstrap-dev
	@scripts/format.sh --check

clean:
	rm -rf build
