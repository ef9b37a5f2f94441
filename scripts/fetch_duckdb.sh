#!/usr/bin/env bash
# Puts DuckDB's C header and shared library into DEST/include and DEST/lib (default: third_party/duckdb), unless
# the compiler already finds an installed DuckDB. Both files come from npm packages of one DuckDB version, and
# are held to the checksums below. Running it again does nothing.
set -euo pipefail

header_package="duckdb@1.4.4"
header_path="package/src/duckdb/src/include/duckdb.h"
header_sha256="cbe6a827284375c5a646b8f27dbd3a00808ce8738b5bbb49c190cb1e08540281"
library_package="@duckdb/node-bindings-linux-x64@1.4.4-r.4"
library_path="package/libduckdb.so"
library_sha256="1ef33048e12235115ac0d277a0aaccbb560e33248144f488b5ac005cd9ba81b5"

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
dest="${1:-$root/third_party/duckdb}"

stop() {
  printf 'fetch_duckdb.sh: %s\n' "$*" >&2
  exit 1
}

is_intact() { # FILE SHA256
  [[ -f "$1" ]] && printf '%s  %s\n' "$2" "$1" | sha256sum --check --status
}

if is_intact "$dest/include/duckdb.h" "$header_sha256" && is_intact "$dest/lib/libduckdb.so" "$library_sha256"; then
  exit 0
fi

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# An installed DuckDB is taken as it is: CMake finds it in the same places as the compiler does.
printf '#include <duckdb.h>\nint main() { return duckdb_library_version() == 0; }\n' > "$scratch/probe.c"
if "${CC:-cc}" "$scratch/probe.c" -lduckdb -o "$scratch/probe" 2> /dev/null; then
  exit 0
fi

instead="or install DuckDB's C library (duckdb.h and libduckdb.so) where the compiler finds it"
[[ "$(uname -sm)" == "Linux x86_64" ]] ||
  stop "no prebuilt library is pinned for $(uname -sm); install DuckDB's C library (duckdb.h and libduckdb.so)."
command -v npm > /dev/null || stop "npm is not installed; install it (apt-get install npm), $instead."

fetch() { # PACKAGE PATH_IN_PACKAGE SHA256 DESTINATION
  local package="$1" path="$2" sha256="$3" destination="$4" archive
  is_intact "$destination" "$sha256" && return
  archive="$(cd "$scratch" && npm pack --silent "$package" 2> "$scratch/npm.log")" || {
    cat "$scratch/npm.log" >&2
    stop "npm could not fetch $package: check the network and 'npm config get registry', then run this again; $instead."
  }
  tar -xzf "$scratch/$archive" -C "$scratch" "$path" || stop "$package holds no $path."
  is_intact "$scratch/$path" "$sha256" ||
    stop "$path of $package is not the file that is pinned here (sha256 $sha256): do not use it."
  # The rename makes an interrupted run leave no half-written file behind.
  mkdir -p "$(dirname "$destination")"
  cp "$scratch/$path" "$destination.partial"
  mv "$destination.partial" "$destination"
}

fetch "$header_package" "$header_path" "$header_sha256" "$dest/include/duckdb.h"
fetch "$library_package" "$library_path" "$library_sha256" "$dest/lib/libduckdb.so"
