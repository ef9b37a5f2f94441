#!/bin/sh
# Prints docs/tables.md: what was written by hand, then what the program says of its tables.
#
#   scripts/describe_tables.sh > docs/tables.md
set -eu
cd "$(dirname "$0")/.."
cat docs/tables_head.md
"${TAPELINE_BINARY:-build/release/tapeline}" replay --describe
