#!/bin/sh
# Formats every C++ source with clang-format 19, or with --check only reports what it would change.
# Exits with 77 where clang-format 19 is missing, which ctest reports as skipped.
set -eu
cd "$(dirname "$0")/.."
mode=-i
if [ "${1:-}" = --check ]; then mode="--dry-run --Werror"; fi
if ! command -v clang-format-19 > /dev/null; then
  echo "skipped: clang-format-19 is not installed (scripts/bootstrap.sh --dev installs it)"
  exit 77
fi
folders=
for folder in src examples tests; do
  if [ -d "$folder" ]; then folders="$folders $folder"; fi
done
# shellcheck disable=SC2086  # Both are lists.
if ! find $folders \( -name '*.h' -o -name '*.cc' \) -print0 | xargs -0 clang-format-19 $mode; then
  echo "run 'make format' to format the files named above" >&2
  exit 1
fi
