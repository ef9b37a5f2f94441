#!/bin/sh
# Runs clang-tidy over every translation unit of a configured build folder; prints findings only.
#
#   scripts/tidy.sh BUILD_FOLDER JOBS [PATH PATTERN]
set -eu
cd "$(dirname "$0")/.."
build=${1:?the build folder, e.g. build/tidy}
jobs=${2:-2}
log=$build/tidy.log
if run-clang-tidy-19 -p "$build" -quiet -j "$jobs" "${3:-$PWD/(src|sim)/}" > "$log" 2> "$log.progress"; then
  echo "clang-tidy: nothing to mend"
else
  grep -vE '^(\[|clang-tidy-19 |[0-9]+ warnings)' "$log" || cat "$log.progress"
  echo "clang-tidy: findings above. A finding that is wrong is silenced where it stands: // NOLINT(name): why." >&2
  exit 1
fi
