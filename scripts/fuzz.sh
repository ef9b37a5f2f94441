#!/usr/bin/env bash
# Runs every fuzzer of a build folder for FUZZ_SECONDS (60) seconds each, two at a time.
#
#   scripts/fuzz.sh BUILD_FOLDER [NAME…]      with names, only those fuzzers
#
# Seeds come from fuzz/corpus/NAME and are never written to; what a run discovers is kept in BUILD_FOLDER/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."

run_one() {
  local program=$1 seconds=$2 build name found log
  build=$(dirname "$program")
  name=$(basename "$program")
  found=$build/corpus/$name
  log=$build/$name.log
  mkdir -p "$found"
  local folders=("$found")
  if [ -d "fuzz/corpus/$name" ]; then folders+=("fuzz/corpus/$name"); fi
  if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix="$build/$name." "${folders[@]}" > "$log" 2>&1; then
    printf '  %-32s %12s executions in %s s, %s inputs kept\n' "$name" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(sed -n 's/^Done .* in \([0-9]*\) second.*/\1/p' "$log")" "$(find "$found" -type f | wc -l)"
  else
    printf '  %-32s FAILED; the end of %s:\n' "$name" "$log"
    tail -n 40 "$log" | sed 's/^/    /'
    printf '    Again with the input alone: %s %s.crash-…\n' "$program" "$build/$name"
    return 1
  fi
}

if [ "${1:-}" = --one ]; then
  run_one "$2" "$3"
  exit
fi
build=${1:?the build folder, e.g. build/fuzz}
shift
programs=()
if [ $# -gt 0 ]; then
  for name in "$@"; do programs+=("$build/$name"); done
else
  for program in "$build"/*_fuzz; do
    if [ -x "$program" ]; then programs+=("$program"); fi
  done
fi
if [ ${#programs[@]} -eq 0 ]; then
  echo "There is no *_fuzz program in $build: a module lists its own under FUZZERS in src/CMakeLists.txt."
  exit 0
fi
seconds=${FUZZ_SECONDS:-60}
echo "Fuzzers to run: ${#programs[@]}, $seconds seconds each, two at a time"
if ! printf '%s\0' "${programs[@]}" | xargs -0 -P 2 -I{} "$0" --one {} "$seconds"; then
  echo "At least one fuzzer found a failure; see above." >&2
  exit 1
fi
