#!/bin/sh
# Installs what Tapeline is built from, and only what is missing. Debian 12; as root or with sudo.
#
#   scripts/bootstrap.sh          what `make build`, `make test` and `make run` need
#   scripts/bootstrap.sh --dev    also clang, its tools and valgrind: `make fuzz`, `make tidy`, `make format`
#   scripts/bootstrap.sh --browser  also the Chromium that tests look at the page with; without it they are skipped
#   scripts/bootstrap.sh --list   only print the packages
#
# With TAPELINE_SKIP_BOOTSTRAP=1 it does nothing: for machines whose packages come from elsewhere.
set -eu

packages="g++ cmake ninja-build ccache mold pkg-config git python3 ca-certificates
  libgtest-dev libgmock-dev libbenchmark-dev libfmt-dev libspdlog-dev libcli11-dev libtomlplusplus-dev
  nlohmann-json3-dev zlib1g-dev libzstd-dev libxxhash-dev librocksdb-dev libboost-dev libssl-dev"
browser_packages="chromium chromium-driver"
dev_packages="clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev valgrind"

say() { printf 'bootstrap: %s\n' "$*"; }
fail() {
  printf 'bootstrap: %s\n' "$@" >&2
  exit 1
}

cd "$(dirname "$0")/.."
# npm builds the page and carries DuckDB's library; a node installed by other means brings its own npm, which then
# serves.
if ! command -v npm > /dev/null; then packages="$packages npm"; fi
only_list=no
for argument in "$@"; do
  case $argument in
    --dev) packages="$packages $dev_packages" ;;
    --browser) packages="$packages $browser_packages" ;;
    --list) only_list=yes ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown option $argument; it knows --dev, --browser, --list and --help" ;;
  esac
done
# shellcheck disable=SC2086  # The list is meant to be split, here and below.
set -- $packages
if [ "$only_list" = yes ]; then printf '%s\n' "$@"; exit 0; fi
if [ -n "${TAPELINE_SKIP_BOOTSTRAP:-}" ]; then exit 0; fi

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  fail "this is not a Debian system, so nothing was installed. Tapeline needs the equivalents of:" "  $*" \
       "Install them, then run again with TAPELINE_SKIP_BOOTSTRAP=1."
fi

# dpkg-query fails when it does not know a package; what it knows it prints all the same.
installed=" $(dpkg-query -W -f='${Package}=${db:Status-Status} ' "$@" 2> /dev/null || true)"
missing=
for package in "$@"; do
  case $installed in
    *" $package=installed "*) ;;
    *) missing="$missing $package" ;;
  esac
done

if [ -n "$missing" ]; then
  command="apt-get install --no-install-recommends$missing"
  sudo=
  if [ "$(id -u)" != 0 ]; then
    # Without a terminal sudo cannot ask for a password, so it must not try.
    if [ -t 0 ]; then sudo="sudo"; else sudo="sudo -n"; fi
    if ! command -v sudo > /dev/null || ! $sudo true 2> /dev/null; then
      fail "packages are missing, and installing them needs root or sudo. As root:" "  $command"
    fi
  fi
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300"
  say "reading the package lists"
  lists=fresh
  # One unreachable list need not matter, so this is no error yet.
  $apt -o APT::Update::Error-Mode=any update > "$log" 2>&1 < /dev/null || lists=stale
  say "installing$missing"
  if ! $apt install --no-install-recommends $missing >> "$log" 2>&1 < /dev/null; then
    grep -E '^(E|W|Err)' "$log" | tail -n 8 >&2 || tail -n 8 "$log" >&2
    if [ "$lists" = stale ]; then
      fail "the package lists could not be read: is there a network? Then run this again, or as root:" "  $command"
    fi
    fail "apt-get could not install all packages (this script knows Debian 12). To see why, as root:" "  $command"
  fi
  say "installed"
fi

if [ -x scripts/fetch_duckdb.sh ]; then scripts/fetch_duckdb.sh third_party/duckdb < /dev/null; fi
