"""The metrics of `tapeline replay` against tests/microstructure.py, which computes each from the feed's messages by itself:
equal where they are whole numbers, and within 1e-12 of the larger of the value and its scale where not."""

import csv
import json
import pathlib
import re
import struct
import subprocess
import tempfile

import harness
import microstructure
from microstructure import SECOND

WINDOW, STEP, STEPS, HORIZON, LEVELS = 20 * SECOND, 2 * SECOND, 30, 3 * SECOND, 5
SIZES = (100, 400, 1_500)
THRESHOLDS = {"tick": 10, "volume": 1_000, "dollar": 50_000, "imbalance": 300}
BUCKET, BUCKETS = 400, 5
GAP, QUEUE_ORDERS, FEATURE_EVENTS, HORIZONS = 200_000_000, 4, 25, (100_000_000, SECOND)
STATES = (9, 5)  # Buckets and spreads of the microprice.
OPTIONS = ("--window", "20s", "--step", "2s", "--steps", STEPS, "--horizon", "3s", "--levels", LEVELS,
           "--sweep", ",".join(map(str, SIZES)), "--bar-trades", THRESHOLDS["tick"], "--bar-shares", THRESHOLDS["volume"],
           "--bar-dollars", THRESHOLDS["dollar"], "--bar-imbalance", THRESHOLDS["imbalance"], "--vpin-bucket", BUCKET,
           "--vpin-buckets", BUCKETS, "--interval", "20s", "--burst-gap", "200ms", "--queue-orders", QUEUE_ORDERS,
           "--feature-window", "20s", "--feature-events", FEATURE_EVENTS)
METRICS = ("flow", "costs", "liquidity", "activity", "returns", "vpin", "trade_bars", "auction", "luld", "bursts",
           "queue_positions", "features")
# Values that sum up terms which cancel each other are as exact as their terms, not as what is left of them.
SCALES = {"queue_imbalance": 1, "last_queue_imbalance": 1, "kyle_r_squared": 1, "imbalance_ratio": 1,
          "imbalance": 1, "depth_imbalance": 1, "mid_return": 1e-3}
TOLERANCE = 1e-12


def run(*arguments):
    done = subprocess.run([str(harness.BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=200,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{arguments} exited with {done.returncode}: {done.stderr}"
    return done


def nanoseconds(text):
    """Since midnight, of a timestamp as CSV has it: 1970-01-01T09:30:00.000000000."""
    hours, minutes, seconds = text[11:].split(":")
    whole, fraction = seconds.split(".")
    return (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * SECOND + int(fraction.ljust(9, "0"))


class Tables:
    """What a replay wrote, by symbol."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def rows(self, table, symbol=None):
        with open(self.folder / f"{table}.csv", newline="", encoding="ascii") as file:
            return [row for row in csv.DictReader(file) if symbol in (None, row["symbol"])]


class MetricsCase(harness.TestCase):
    def assert_value(self, written, expected, name, where):
        if expected is None:
            self.assertEqual(written, "", where)
        elif isinstance(expected, str):
            self.assertEqual(written, expected, where)
        elif isinstance(expected, int):
            self.assertEqual(int(written), expected, where)
        else:
            self.assertNotEqual(written, "", where)
            self.assertLessEqual(abs(float(written) - expected), TOLERANCE * max(abs(expected), SCALES.get(name, 0)), where)

    def assert_rows(self, written, expected, key_of):
        """`expected`: {key: {column: value}}; the rows written have these keys, each once, and these values."""
        by_key = {key_of(row): row for row in written}
        self.assertEqual(len(by_key), len(written))
        self.assertEqual(sorted(by_key), sorted(expected))
        for key, columns in expected.items():
            for name, value in columns.items():
                self.assert_value(by_key[key][name], value, name, f"{name} at {key}: {by_key[key]}")


def by_start(row):
    return nanoseconds(row["start"])


def by_time(row):
    return nanoseconds(row["time"])


def by_sequence(row):
    return int(row["sequence"])


def by_feature(row):
    return row["clock"], by_time(row), by_sequence(row)


class MetricsTest(MetricsCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="tapeline-metrics-")
        cls.addClassCleanup(temporary.cleanup)
        cls.shared = pathlib.Path(temporary.name)
        feed = cls.shared / "day.itch"
        run("generate", feed, "--messages", 60_000, "--symbols", 15, "--seed", 23)
        cls.fitted = run("fit", "microprice", feed, "-o", cls.shared / "model.json", "--buckets", STATES[0], "--spreads",
                         STATES[1], "--no-progress")
        run("replay", feed, "--output", cls.shared / "tables", "--format", "csv", "--metrics",
            ",".join(METRICS + ("bars", "microprice")), *OPTIONS, "--microprice-model", cls.shared / "model.json",
            "--labels", "1s,100ms")
        cls.tables = Tables(cls.shared / "tables")
        cls.market = microstructure.Market(WINDOW, LEVELS).read(feed.read_bytes())
        cls.symbols = [symbol for symbol in cls.market.symbols.values() if symbol.name]

    def compare(self, table, compute, key_of, least):
        count = 0
        for symbol in self.symbols:
            with self.subTest(table=table, symbol=symbol.name):
                expected = compute(symbol)
                count += len(expected)
                self.assert_rows(self.tables.rows(table, symbol.name), expected, key_of)
        self.assertGreater(count, least)
        self.assertEqual(len(self.tables.rows(table)), count)
        self.assertEqual({row["quality"] for row in self.tables.rows(table)}, {"good"})

    def test_flow(self):
        self.compare("flow", lambda symbol: microstructure.flow(symbol, WINDOW), by_start, 3_000)

    def test_costs(self):
        self.compare("costs", lambda symbol: microstructure.costs(symbol, HORIZON), by_sequence, 1_000)

    def test_activity(self):
        self.compare("activity", lambda symbol: microstructure.activity(symbol, WINDOW), by_start, 3_000)

    def test_returns(self):
        self.compare("returns", lambda symbol: microstructure.returns(symbol, STEP, STEPS), by_start, 1_000)

    def test_liquidity(self):
        self.compare("liquidity", lambda symbol: microstructure.liquidity(symbol, WINDOW, LEVELS, SIZES), by_time, 3_000)

    def test_vpin(self):
        self.compare("vpin", lambda symbol: microstructure.vpin(symbol, BUCKET, BUCKETS), by_sequence, 100)

    def test_trade_bars(self):
        self.compare("trade_bars", lambda symbol: microstructure.trade_bars(symbol, THRESHOLDS),
                     lambda row: (row["clock"], int(row["number"])), 300)

    def test_auction(self):
        self.compare("auction", microstructure.auction, by_sequence, 100)

    def test_luld(self):
        self.compare("luld", microstructure.luld, by_time, 3_000)

    def test_twap_of_time_bars(self):
        for symbol in self.symbols:
            self.assert_rows(self.tables.rows("bars", symbol.name), microstructure.bars_twap(symbol, 10_000_000), by_start)

    def test_bursts(self):
        self.compare("bursts", lambda symbol: microstructure.bursts(symbol, GAP), by_sequence, 300)

    def test_queue_positions(self):
        self.compare("queue_positions", lambda symbol: microstructure.queue_positions(symbol, WINDOW, QUEUE_ORDERS),
                     lambda row: (by_time(row), row["side"], int(row["order"])), 5_000)

    def features_of(self, symbol):
        return microstructure.features(symbol, WINDOW, FEATURE_EVENTS, LEVELS)

    def test_features(self):
        self.compare("features", self.features_of, by_feature, 4_000)

    def test_labels(self):
        last = self.market.time
        self.compare("labels", lambda symbol: microstructure.labels(symbol, self.features_of(symbol), HORIZONS, last),
                     lambda row: (*by_feature(row), int(row["horizon"])), 8_000)

    def test_the_microprice_is_fitted(self):
        expected, transitions = microstructure.microprice(self.symbols, *STATES)
        model = json.loads((self.shared / "model.json").read_text())
        self.assertEqual(model["transitions"], transitions)
        self.assertIn(f"{transitions} transitions", self.fitted.stderr)
        self.assertGreater(transitions, 1_000)
        for state in model["states"]:
            g, count = expected.get((state["spread"], state["imbalance"]), (None, 0))
            self.assertEqual(state["observations"], count, state)
            if g is None:
                self.assertIsNone(state["adjustment"])
            else:
                # Sums of thousands of terms, by another elimination: as exact as the worst conditioned of them.
                self.assertAlmostEqual(state["adjustment"], g, delta=1e-9)

    def test_the_microprice(self):
        states = json.loads((self.shared / "model.json").read_text())["states"]
        model = {(state["spread"], state["imbalance"]): state["adjustment"] for state in states}
        self.compare("microprice", lambda symbol: microstructure.microprice_rows(symbol, model, *STATES), by_sequence, 5_000)

    def test_information_shares(self):
        first, second = sorted(self.symbols, key=lambda symbol: -len(symbol.quotes))[:2]
        lines = run("fit", "information-share", self.shared / "day.itch", "--symbols", f"{first.name},{second.name}",
                    "--step", "10s", "--lags", 2, "--no-progress").stdout.splitlines()
        (bounds_1, bounds_2), observations = microstructure.information_share(first, second, 10 * SECOND, 2,
                                                                              self.market.time)
        written = json.loads(lines[0])
        self.assertEqual(len(lines), 1)
        self.assertEqual(written["observations"], observations)
        self.assertGreater(observations, 1_000)
        for share, symbol, (lower, upper) in zip(written["shares"], (first, second), (bounds_1, bounds_2)):
            self.assertEqual(share["symbol"], symbol.name)
            self.assertAlmostEqual(share["lower"], lower, delta=1e-7)
            self.assertAlmostEqual(share["upper"], upper, delta=1e-7)

    # Properties.

    def test_bursts_keep_the_volume(self):
        for symbol in self.symbols:
            self.assertEqual(sum(int(row["volume"]) for row in self.tables.rows("bursts", symbol.name)),
                             sum(trade.shares for trade in symbol.trades if trade.printable))

    def test_a_cut_feed_gives_the_same_features_and_no_early_label(self):
        data = (self.shared / "day.itch").read_bytes()
        at = last = 0
        for _ in range(40_000):
            last = int.from_bytes(data[at + 7:at + 13], "big")
            at += 2 + int.from_bytes(data[at:at + 2], "big")
        (self.folder / "cut.itch").write_bytes(data[:at])
        run("replay", self.folder / "cut.itch", "--output", self.folder / "cut", "--format", "csv", "--tables", "features",
            *OPTIONS, "--labels", "100ms,1s")
        whole, cut = self.shared / "tables", self.folder / "cut"
        lines = (whole / "features.csv").read_text().splitlines()
        same = [line for line in (cut / "features.csv").read_text().splitlines()[1:] if nanoseconds(line.split(",")[1]) <= last]
        self.assertEqual(lines[1:len(same) + 1], same)
        self.assertGreater(len(same), 2_000)
        given = (cut / "labels.csv").read_text().splitlines()
        self.assertLess(set(given), set((whole / "labels.csv").read_text().splitlines()))
        self.assertEqual([row for row in Tables(cut).rows("labels") if by_time(row) + int(row["horizon"]) >= last], [])

    def test_features_are_written_for_training(self):
        run("replay", self.shared / "day.itch", "--output", self.folder, "--tables", "features", *OPTIONS, "--labels", "1s")
        joined = run("query", "--data", self.folder, "--format", "csv",
                     "SELECT count(*), count(mid_return), count(DISTINCT clock) FROM features JOIN labels "
                     "USING (clock, time, locate, sequence)").stdout.splitlines()[1]
        count, known, clocks = map(int, joined.split(","))
        labelled = [row for row in self.tables.rows("labels") if row["horizon"] == str(SECOND)]
        self.assertEqual(count, len(labelled))
        self.assertEqual(known, sum(row["mid_return"] != "" for row in labelled))
        self.assertEqual(clocks, 2)

    def test_flow_adds_up_over_windows(self):
        folder = self.folder / "wide"
        run("replay", self.shared / "day.itch", "--output", folder, "--format", "csv", "--metrics", "flow", "--window", "60s")
        wide = {(row["symbol"], by_start(row)): row for row in Tables(folder).rows("flow")}
        sums = {}
        for row in self.tables.rows("flow"):
            key = row["symbol"], by_start(row) // (60 * SECOND) * (60 * SECOND)
            for name in ("ofi_1", "ofi_2", "ofi_3", "ofi_4", "ofi_5", "buy_volume", "sell_volume", "events"):
                sums.setdefault(key, {}).setdefault(name, 0)
                sums[key][name] += int(row[name])
        self.assertEqual({key: {name: int(row[name]) for name in sums[key]} for key, row in wide.items()}, sums)

    def test_trade_bars_keep_the_volume(self):
        for symbol in self.symbols:
            volume = sum(trade.shares for trade in symbol.trades if trade.printable)
            for clock in THRESHOLDS:
                rows = [row for row in self.tables.rows("trade_bars", symbol.name) if row["clock"] == clock]
                last = max((int(row["sequence"]) for row in rows), default=0)
                rest = sum(trade.shares for trade in symbol.trades if trade.printable and trade.sequence > last)
                self.assertEqual(sum(int(row["volume"]) for row in rows) + rest, volume, (symbol.name, clock))


class OneMessage:
    """Messages of one symbol, for feeds that are made."""

    def __init__(self, symbol):
        self.symbol = symbol.encode().ljust(8)
        self.bytes = bytearray()
        self.count = 0

    def add(self, kind, time, body):
        message = kind + struct.pack(">HH", 1, 0) + time.to_bytes(6, "big") + body
        self.bytes += struct.pack(">H", len(message)) + message
        self.count += 1

    def order(self, time, ref, side, shares, price):
        self.add(b"A", time, struct.pack(">QcI8sI", ref, b"BS"[side:side + 1], shares, self.symbol, price))

    def replace(self, time, ref, new_ref, shares, price):
        self.add(b"U", time, struct.pack(">QQII", ref, new_ref, shares, price))

    def execute(self, time, ref, shares):
        self.add(b"E", time, struct.pack(">QIQ", ref, shares, self.count))

    def delete(self, time, ref):
        self.add(b"D", time, struct.pack(">Q", ref))

    def hidden(self, time, shares, price):
        self.add(b"P", time, struct.pack(">QcI8sIQ", 0, b"B", shares, self.symbol, price, self.count))


class LobsterTest(MetricsCase):
    """A real day, level 1: LOBSTER's rows become a feed of one synthetic order a side, so that the best prices after
    each row are LOBSTER's; every value expected comes from LOBSTER's two files alone."""

    @classmethod
    def setUpClass(cls):
        name = "lobster/AMZN_2012-06-21_34200000_57600000_{}_1.csv"
        messages, books = harness.shared_data(name.format("message")), harness.shared_data(name.format("orderbook"))
        temporary = tempfile.TemporaryDirectory(prefix="tapeline-lobster-")
        cls.addClassCleanup(temporary.cleanup)
        cls.shared = pathlib.Path(temporary.name)
        cls.read(messages, books)
        (cls.shared / "day.itch").write_bytes(cls.make_feed() + b"\0\0")
        run("replay", cls.shared / "day.itch", "--output", cls.shared / "tables", "--format", "csv", "--metrics",
            "bbo,flow,costs,returns,vpin,trade_bars,trades", *OPTIONS)
        cls.tables = Tables(cls.shared / "tables")

    @classmethod
    def read(cls, messages, books):
        """self.rows: (time, type, shares, price, resting side, (bid, bid size, ask, ask size) after it)."""
        cls.rows = []
        with open(messages, encoding="ascii") as left, open(books, encoding="ascii") as right:
            for message, book in zip(left, right):
                time, kind, _, shares, price, direction = re.split("[,;]", message.strip())
                whole, fraction = time.split(".")
                ask, ask_size, bid, bid_size = map(int, re.split("[,;]", book))
                cls.rows.append((int(whole) * SECOND + int(fraction.ljust(9, "0")[:9]), int(kind), int(shares), int(price),
                                 0 if int(direction) == 1 else 1, (bid, bid_size, ask, ask_size)))

    @classmethod
    def make_feed(cls):
        """Also notes which rows were executions of what rested at the best price: self.executions."""
        feed = OneMessage("AMZN")
        feed.add(b"R", 0, feed.symbol + b"QN" + struct.pack(">I", 100) + b"NCZ PNN1N" + struct.pack(">I", 0) + b"N")
        live, refs = [None, None], 0  # Of each side: [reference, price, size].
        cls.executions, cls.hidden = [], []
        before = (0, 0, 0, 0)
        for time, kind, shares, price, resting, best in cls.rows:
            if kind == 5:
                feed.hidden(time, shares, price)
                cls.hidden.append((time, shares, price))
            for side in (0, 1):
                target = best[2 * side:2 * side + 2]
                executed = kind == 4 and side == resting and live[side] and live[side][1] == price
                refs += 1
                if executed:
                    shares = min(shares, live[side][2])
                    cls.executions.append((time, shares, price, side == 1, before))
                    # What stands there then rests behind it already, where nothing is left of it.
                    if target[0] != price or shares == live[side][2]:
                        feed.order(time, refs, side, target[1], target[0])
                        feed.execute(time, live[side][0], shares)
                        if shares < live[side][2]:
                            feed.delete(time, live[side][0])
                        live[side] = [refs, *target]
                        continue
                    feed.execute(time, live[side][0], shares)
                    live[side][2] -= shares
                if live[side] is None:
                    feed.order(time, refs, side, target[1], target[0])
                    live[side] = [refs, *target]
                elif live[side][1:] != list(target):
                    feed.replace(time, live[side][0], refs, target[1], target[0])
                    live[side] = [refs, *target]
            before = best
        return feed.bytes

    def quotes(self):
        """What stood after each row that changed it, as microstructure has them."""
        quotes = []
        for time, _, _, _, _, best in self.rows:
            if not quotes or quotes[-1][2:] != best:
                quotes.append(microstructure.Quote(0, time, *best))
        return quotes

    def as_symbol(self):
        symbol = microstructure.Symbol()
        symbol.quotes = self.quotes()
        symbol.trades = [microstructure.Trade(i, time, price, shares, buyer, True, True, before[0], before[2], "")
                         for i, (time, shares, price, buyer, before) in enumerate(self.executions)]
        return symbol

    def test_the_best_prices_are_those_of_the_recorded_day(self):
        seen = [(by_time(row), *(round(float(row[f"{side}_price"] or 0) * 10_000) if what == "price" else int(row[f"{side}_size"])
                                 for side in ("bid", "ask") for what in ("price", "size"))) for row in self.tables.rows("bbo")]
        # Between two messages of one row there is a moment that no row of LOBSTER shows.
        moments = {(quote.time, *quote[2:]) for quote in self.quotes()}
        self.assertGreater(len(moments), 40_000)
        self.assertEqual(moments - set(seen), set())

    def test_order_flow_imbalance(self):
        sums = {}
        for before, (time, *_, after) in zip(self.rows, self.rows[1:]):
            bid, bid_size, ask, ask_size = before[-1]
            new_bid, new_bid_size, new_ask, new_ask_size = after
            e = ((new_bid_size if new_bid >= bid else 0) - (bid_size if new_bid <= bid else 0)
                 - (new_ask_size if new_ask <= ask else 0) + (ask_size if new_ask >= ask else 0))
            sums[time // WINDOW * WINDOW] = sums.get(time // WINDOW * WINDOW, 0) + e
        first = self.rows[0][-1]
        start = self.rows[0][0] // WINDOW * WINDOW
        sums[start] += first[1] - first[3]  # From an empty book.
        written = {by_start(row): int(row["ofi_1"]) for row in self.tables.rows("flow")}
        self.assertEqual({at: e for at, e in sums.items() if e}, {at: e for at, e in written.items() if e})
        self.assertGreater(len(written), 1_000)

    def test_queue_imbalance(self):
        quotes = self.quotes()
        times = [quote.time for quote in quotes]
        for row in self.tables.rows("flow"):
            weighted, two_sided = microstructure.weigh_imbalance(quotes, times, by_start(row), by_start(row) + WINDOW)
            self.assertEqual(int(row["two_sided_ns"]), two_sided)
            self.assert_value(row["queue_imbalance"], weighted / two_sided, "queue_imbalance", row)

    def test_returns(self):
        self.assert_rows(self.tables.rows("returns"), microstructure.returns(self.as_symbol(), STEP, STEPS), by_start)

    def test_costs(self):
        expected = list(microstructure.costs(self.as_symbol(), HORIZON).values())
        written = sorted(self.tables.rows("costs"), key=by_sequence)
        self.assertEqual(len(written), len(expected))
        self.assertGreater(len(expected), 1_000)
        for row, columns in zip(written, expected):
            for name, value in columns.items():
                self.assert_value(row[name], value, name, f"{name}: {row}, expected {columns}")

    def test_microprice(self):
        run("fit", "microprice", self.shared / "day.itch", "-o", self.folder / "model.json", "--buckets", 7, "--spreads", 20,
            "--no-progress")
        market = microstructure.Market(WINDOW, 1).read((self.shared / "day.itch").read_bytes())
        expected, transitions = microstructure.microprice([market.symbols[1]], 7, 20)
        model = json.loads((self.folder / "model.json").read_text())
        self.assertEqual(model["transitions"], transitions)
        self.assertGreater(transitions, 10_000)
        for state in model["states"]:
            g, count = expected.get((state["spread"], state["imbalance"]), (None, 0))
            self.assertEqual(state["observations"], count)
            if g is not None:
                self.assertAlmostEqual(state["adjustment"], g, delta=1e-9)
        # Where the bid is larger, the price is about to rise.
        of = {(state["spread"], state["imbalance"]): state["adjustment"] for state in model["states"]}
        self.assertTrue(all(of[spread, 6] > 0 for spread in range(2, 12) if of[spread, 6] is not None))

    def test_vpin(self):
        expected = list(microstructure.vpin(self.as_symbol(), BUCKET, BUCKETS).values())
        written = self.tables.rows("vpin")
        self.assertEqual(len(written), len(expected))
        for row, columns in zip(written, expected):
            for name, value in columns.items():
                self.assert_value(row[name], value, name, row)


class RefusalTest(harness.TestCase):
    def test_labels_are_never_live(self):
        said = self.tapeline("run", "--set", "analytics.tables=labels", exit_code=2).stderr
        self.assertIn("\"labels\", for research only: replay --labels", said)
        self.tapeline("generate", "day.itch", "--messages", 3_000, "--symbols", 3, "--no-progress")
        said = self.tapeline("replay", "day.itch", "--tables", "labels", exit_code=2).stderr
        self.assertIn("--labels 100ms,1s", said)
        for options, word in ((("--labels", "soon"), "no duration"), (("--labels", ",".join(f"{i}s" for i in range(1, 10))), "8"),
                              (("--labels", "1s", "--tables", "bbo", "--format", "csv", "--output", "-"), "folder")):
            self.assertIn(word, self.tapeline("replay", "day.itch", *options, exit_code=2).stderr)

    def test_the_microprice_needs_its_model(self):
        self.tapeline("generate", "day.itch", "--messages", 3_000, "--symbols", 3, "--no-progress")
        self.assertIn("needs a model", self.tapeline("replay", "day.itch", "--tables", "microprice", exit_code=2).stderr)
        self.tapeline("replay", "day.itch", "--tables", "all", "--output", "all")
        self.assertFalse((self.folder / "all/microprice.parquet").exists())
        replay = ("replay", "day.itch", "--tables", "microprice", "--microprice-model", "model.json")
        self.assertIn("fit microprice", self.tapeline(*replay, exit_code=3).stderr)
        for text in ("", "{}", "[" * 100_000, '{"model": "microprice", "version": 7}', "x" * 2_000_000):
            (self.folder / "model.json").write_text(text)
            self.assertIn("model.json: ", self.tapeline(*replay, exit_code=5).stderr)
        said = self.tapeline("run", "--set", "analytics.microprice_model=none.json", exit_code=3).stderr
        self.assertIn("analytics.microprice_model: none.json", said)

    def test_what_cannot_be_fitted_is_told(self):
        self.tapeline("generate", "day.itch", "--messages", 3_000, "--symbols", 3, "--no-progress")
        fit = ("fit", "microprice", "day.itch", "-o", "model.json", "--no-progress")
        self.assertIn("odd", self.tapeline(*fit, "--buckets", 4, exit_code=2).stderr)
        self.assertIn("--tick", self.tapeline(*fit, "--tick", 0, exit_code=2).stderr)
        self.assertIn("no transition", self.tapeline(*fit, "--from", "23:00", exit_code=3).stderr)
        self.assertFalse((self.folder / "model.json").exists())
        share = ("fit", "information-share", "day.itch", "--no-progress")
        self.assertIn("2 to 5", self.tapeline(*share, exit_code=2).stderr)
        self.assertIn("no message names", self.tapeline(*share, "--symbols", "NONE,NADA", exit_code=3).stderr)
        self.assertIn("name the feed", self.tapeline("fit", "microprice", exit_code=2).stderr)
        self.assertIn("choose", self.tapeline("fit", exit_code=2).stderr)


class BenchTest(harness.TestCase):
    def test_the_cost_of_each_table_is_told(self):
        run("generate", self.folder / "day.itch", "--messages", 5_000, "--symbols", 5)
        lines = [json.loads(line) for line in run("bench", "analytics", self.folder / "day.itch", "--by-metric", "--runs", 1,
                                                  "--warm-up", 0).stdout.splitlines()]
        names = [line["metric"] for line in lines]
        self.assertEqual((names[0], names[-1]), ("none", "all"))
        self.assertLessEqual(set(METRICS), set(names))
        for line in lines:
            self.assertEqual(line["messages"], 5_000)
            if line["metric"] in ("none", "flow", "costs", "activity"):
                self.assertEqual(line["rows"] == 0, line["metric"] == "none", line)
        self.assertEqual(names[-2], "catalogue")
        self.assertEqual(sum(line["rows"] for line in lines[:-2]), lines[-1]["rows"])


if __name__ == "__main__":
    harness.main()
