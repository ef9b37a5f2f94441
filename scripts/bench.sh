#!/bin/sh
# Runs every micro-benchmark of a build folder, one after the other so that they do not disturb each other.
set -eu
build=${1:-build/release}
found=no
for program in "$build"/*_bench; do
  if [ ! -x "$program" ]; then continue; fi
  found=yes
  printf '\n== %s\n' "$(basename "$program")"
  "$program" --benchmark_filter="${BENCH_FILTER:-.}" --benchmark_counters_tabular=true
done
if [ "$found" = no ]; then echo "There is no *_bench program in $build; build it with TAPELINE_BENCH=ON."; fi
