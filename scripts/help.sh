#!/bin/sh
# What `make` can do, for someone who sees the project for the first time.
cat <<'END'
Tapeline: from the packets of an exchange to order books and microstructure analytics.

Start here
  make run           build everything, start a simulated exchange and the live pipeline on it, print the page's address
  make test          build everything and run every test

Both install what is missing first (Debian 12, as root or with sudo; scripts/bootstrap.sh --list shows what).

Use it
  make tour          generate a trading day and walk through what there is to do with files
  make build         build build/release/tapeline; then try: build/release/tapeline --help
  make bench         measure decoding, books, analytics and replay over feeds of 20 million messages;
                     BENCH_FILTER=parquet runs the micro-benchmarks with "parquet" in their names instead

Change it (CONTRIBUTING.md says how)
  make asan          run every test under the address and undefined-behaviour sanitizers
  make tsan          run every test under the thread sanitizer
  make fuzz          run each fuzzer for FUZZ_SECONDS=60 seconds, two at a time
  make tidy          read every source file with clang-tidy
  make format        format the sources; format-check only looks
  make clean         remove build/

JOBS=4 sets how many compilers run at a time; TAPELINE_SKIP_BOOTSTRAP=1 installs nothing.
END
