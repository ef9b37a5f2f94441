#!/bin/sh
# `make tour`: one walk through what Tapeline does, on a trading day that it generates itself.
#
# Everything lands in tapeline-data/ (or TAPELINE_DATA). MESSAGES, SYMBOLS, SEED and AT choose another day or time.
set -eu
cd "$(dirname "$0")/.."

tapeline=${TAPELINE_BINARY:-build/release/tapeline}
data=${TAPELINE_DATA:-tapeline-data}
messages=${MESSAGES:-1000000}
symbols=${SYMBOLS:-50}
seed=${SEED:-1}
at=${AT:-10:30:00}
feed=$data/generated-$messages-$symbols-$seed.itch
tables=$data/tables

headline() { printf '\n== %s\n' "$*"; }
# Prints a command as one could type it, then runs it.
show() {
  printf '$'
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./:=+-]*) printf ' "%s"' "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  "$@"
}

if [ ! -x "$tapeline" ]; then
  echo "There is no program at $tapeline: run 'make build' first." >&2
  exit 1
fi
mkdir -p "$data"

if [ -f "$feed" ]; then
  headline "1. The feed is here already: $feed"
else
  headline "1. Generate a trading day of $messages messages, as NASDAQ's ITCH 5.0 sends them"
  # Only a complete feed gets its name, so an interrupted run starts over.
  show "$tapeline" generate "$feed.partial" --messages "$messages" --symbols "$symbols" --seed "$seed"
  mv "$feed.partial" "$feed"
fi

headline "2. Replay it: rebuild every order book and write what it says to Parquet"
show "$tapeline" replay "$feed" --output "$tables"

if [ -z "${SYMBOL:-}" ]; then
  busiest="SELECT symbol FROM bbo GROUP BY symbol ORDER BY count(*) DESC, symbol LIMIT 1"
  SYMBOL=$("$tapeline" query "$busiest" --data "$tables" --format csv)
fi
symbol=$(printf '%s\n' "$SYMBOL" | tail -n 1)  # Below the name of the column.
headline "3. Look at one book: $symbol at $at"
show "$tapeline" book "$feed" --symbol "$symbol" --at "$at"

headline "4. Ask the tables a question, in SQL: which symbols changed their best prices most often?"
show "$tapeline" query "SELECT symbol, count(*) AS changes FROM bbo GROUP BY symbol ORDER BY changes DESC LIMIT 10" \
  --data "$tables"

headline "What next?"
cat <<END
  $tapeline book $feed --symbol $symbol --at 15:59:00
  $tapeline query "SELECT * FROM bbo WHERE symbol = '$symbol' LIMIT 20" --data $tables
  $tapeline --help                      every command
  MESSAGES=10000000 make tour           a larger day
  The Parquet files are in $tables: pandas, DuckDB and Spark read them.
END
