#!/bin/sh
# `make run`: a simulated exchange on the loopback interface, and the live pipeline on what it sends.
#
# Everything lands in tapeline-data/ (or TAPELINE_DATA). RATE (messages a second), SYMBOLS and SEED choose another
# market, PORT another port of the page. Ctrl-C ends both.
set -eu
cd "$(dirname "$0")/.."

tapeline=${TAPELINE_BINARY:-build/release/tapeline}
data=${TAPELINE_DATA:-tapeline-data}
rate=${RATE:-20000}
symbols=${SYMBOLS:-500}
seed=${SEED:-1}
port=${PORT:-8787}
# Ports for the exchange, one behind the other.
first=${EXCHANGE_PORT:-26400}

if [ ! -x "$tapeline" ]; then
  echo "There is no program at $tapeline: run 'make build' first." >&2
  exit 1
fi
mkdir -p "$data"

# A session has a name of its own: a pipeline that comes back finds out that numbers start anew.
"$tapeline" exchange --rate "$rate" --symbols "$symbols" --seed "$seed" --messages 72000000 --keep-mib 256 \
  --session "$(date -u +T%j%H%M%S)" --group-a "239.255.42.1:$first" --group-b "239.255.42.2:$((first + 1))" \
  --requests "127.0.0.1:$((first + 2))" --glimpse "127.0.0.1:$((first + 3))" 2> "$data/exchange.log" &
exchange=$!
pipeline=
stop() {
  kill "$exchange" $pipeline 2> /dev/null || true
}
trap stop INT TERM EXIT

cat <<END
A simulated exchange sends $rate messages a second of $symbols securities (its account: $data/exchange.log).
The pipeline captures, logs and computes them; its data lie in $data. Meanwhile, in another terminal:

  $tapeline status --set data.folder=$data     what it is doing
  $tapeline log tail rows -f --data $data/journal
  $tapeline scale 2 --set data.folder=$data    another number of workers
  make tour                                    what there is to do with files

The page:  http://127.0.0.1:$port/     Ctrl-C ends it.

END
"$tapeline" run --set data.folder="$data" --set serve.port="$port" \
  --set feed.group_a="239.255.42.1:$first" --set feed.group_b="239.255.42.2:$((first + 1))" \
  --set feed.retransmission_servers="127.0.0.1:$((first + 2))" \
  --set feed.snapshot_server="127.0.0.1:$((first + 3))" --set feed.snapshot_user=demo \
  --set log.feed.retention_bytes=2000000000 --set log.rows.retention_bytes=2000000000 &
pipeline=$!
wait "$pipeline"
