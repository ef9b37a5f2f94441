#!/bin/sh
# `make bench`: builds the release preset, makes the feeds to measure, measures, and reports.
#
#   scripts/bench.sh                       everything; the report is printed and kept in build/bench/report.txt
#   BENCH_MESSAGES=2000000 scripts/bench.sh    smaller feeds, for a first look
#   BENCH_FILTER=parquet scripts/bench.sh  the micro-benchmarks with "parquet" in their names instead; . for all
#
# Instructions are counted where valgrind is installed (scripts/bootstrap.sh --dev).
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/release}
folder=build/bench
messages=${BENCH_MESSAGES:-20000000}

[ -f "$build/build.ninja" ] || cmake --preset "$(basename "$build")"
cmake --build "$build"

if [ -n "${BENCH_FILTER:-}" ]; then
  for program in "$build"/*_bench; do
    if [ ! -x "$program" ]; then
      echo "There is no *_bench program in $build; build it with TAPELINE_BENCH=ON." >&2
      exit 1
    fi
    printf '\n== %s\n' "$(basename "$program")"
    "$program" --benchmark_filter="$BENCH_FILTER" --benchmark_counters_tabular=true
  done
  exit 0
fi

mkdir -p "$folder"
# Makes a feed once; it gets its name when it is whole.
feed() {
  if [ ! -f "$folder/$1-$2.itch" ]; then
    "$build/tapeline" generate "$folder/$1-$2.itch" --messages "$1" --symbols "$2" --seed 1 --no-progress
  fi
}
feed "$messages" 8000
feed "$messages" 500
feed 2000000 8000

python3 scripts/measure.py --tapeline "$build/tapeline" --folder "$folder" --messages "$messages" \
  "$folder/$messages-8000.itch" "$folder/$messages-500.itch" --count "$folder/2000000-8000.itch"
