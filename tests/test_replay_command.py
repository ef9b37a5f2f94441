"""`tapeline replay` end to end: what its tables say is recomputed from a generated feed by SQL and plain Python."""

import csv
import hashlib
import io
import json
import pathlib
import re
import signal
import struct
import subprocess
import tempfile
import time

import harness

ALL_TABLES = ("bbo", "trades", "bars", "spread", "depth", "snapshots", "trade_bars", "flow", "costs", "liquidity",
              "activity", "returns", "vpin", "auction", "luld", "bursts", "queue_positions", "features")
# What there is besides: these need a model, a manipulation, or look ahead.
DESCRIBED = ALL_TABLES[:15] + ("microprice",) + ALL_TABLES[15:] + ("alerts", "labels")
LEVELS = 4
# Small ones, so that a short feed fills every table.
OPTIONS = ("--levels", LEVELS, "--vpin-bucket", 500, "--bar-trades", 10, "--bar-shares", 1_000, "--bar-dollars", 50_000,
           "--bar-imbalance", 300, "--feature-events", 50)
SECOND = 1_000_000_000
ORDER_BY = {"bbo": "sequence", "trades": "sequence", "bars": "start, locate", "spread": "start, locate",
            "depth": "time, locate", "snapshots": "time, locate", "trade_bars": "clock, locate, number",
            "flow": "start, locate", "costs": "sequence", "liquidity": "time, locate", "activity": "start, locate",
            "returns": "start, locate", "vpin": "sequence", "auction": "sequence", "luld": "time, locate",
            "bursts": "start, locate", "queue_positions": "time, locate, side DESC, orders_ahead",
            "features": "time, locate, clock, sequence"}
# What a time filter looks at.
TIME_OF = {table: "start" if "start" in order else "time" for table, order in ORDER_BY.items()}


def run(*arguments, exit_code=0, **options):
    """Runs the program outside a test's own folder; returns what it wrote to standard output."""
    done = subprocess.run([str(harness.BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          **({"stdin": subprocess.DEVNULL} | options))
    assert done.returncode == exit_code, f"{arguments} exited with {done.returncode}: {done.stderr}"
    return done.stdout


def query(folder, sql):
    """The rows of a query, each a dict of texts; nulls are empty."""
    return list(csv.DictReader(io.StringIO(run("query", sql, "--data", folder, "--format", "csv"))))


def value(folder, sql):
    """The one value that a query has."""
    [row] = query(folder, sql)
    [only] = row.values()
    return only


def dump(folder, table, where="true"):
    """A table as CSV text in a fixed order."""
    return run("query", f"SELECT * FROM {table} WHERE {where} ORDER BY {ORDER_BY[table]}", "--data", folder,
               "--format", "csv")


def digests(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(pathlib.Path(folder).iterdir())}


def ticks(price):
    """Ten-thousandths of a dollar; 0 for none."""
    return round(float(price) * 10_000) if price else 0


class Feed:
    """Builds a BinaryFILE message by message, for what no generated feed has."""

    def __init__(self):
        self.bytes = b""

    def add(self, kind, time_ns, body, locate=1, length=None):
        message = kind + struct.pack(">HH", locate, 0) + time_ns.to_bytes(6, "big") + body
        self.bytes += struct.pack(">H", len(message) if length is None else length) + message
        return self

    def directory(self, time_ns, symbol=b"AAA     "):
        body = symbol + b"QN" + struct.pack(">I", 100) + b"NCZ PNN1N" + struct.pack(">I", 0) + b"N"
        return self.add(b"R", time_ns, body)

    def order(self, time_ns, ref, side, shares, price, symbol=b"AAA     "):
        return self.add(b"A", time_ns, struct.pack(">QcI8sI", ref, side, shares, symbol, price))

    def hidden_trade(self, time_ns, shares, price, match, symbol=b"AAA     "):
        return self.add(b"P", time_ns, struct.pack(">QcI8sIQ", 0, b"B", shares, symbol, price, match))

    def write(self, path):
        path.write_bytes(self.bytes + b"\0\0")
        return path

    def packet(self, sequence, count, session=b"SESSION001"):
        """What was built so far as one MoldUDP64 packet in a record of a pcap file; starts anew."""
        payload = session + struct.pack(">QH", sequence, count) + self.bytes
        udp = struct.pack(">HHHH", 1000, 26400, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 1, 17, 0, bytes(4), bytes([233, 54, 12, 1])) + udp
        frame = bytes(12) + b"\x08\x00" + ip
        self.bytes = b""
        return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame


class ReplayTest(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="tapeline-replay-")
        cls.addClassCleanup(temporary.cleanup)
        cls.shared = pathlib.Path(temporary.name)
        cls.feed = cls.shared / "day.itch"
        run("generate", cls.feed, "--messages", 40_000, "--symbols", 12, "--seed", 11)
        cls.tables = cls.shared / "tables"
        run("replay", cls.feed, "--output", cls.tables, "--tables", ",".join(ALL_TABLES), *OPTIONS)
        cls.symbols = [row["symbol"] for row in query(
            cls.tables, "SELECT symbol FROM bbo GROUP BY ALL ORDER BY count(*) DESC, symbol")]

    def replay(self, *arguments, output="out", tables=ALL_TABLES, **options):
        """Replays into a folder of this test and returns it."""
        self.tapeline("replay", *arguments, "--output", output, "--tables", ",".join(tables), *OPTIONS,
                      **options)
        return self.folder / output

    # What is there.

    def test_every_table_has_the_documented_columns_and_rows(self):
        described = {}
        for section in re.split(r"^## ", run("replay", "--describe"), flags=re.M)[1:]:
            name = section.split("\n", 1)[0]
            described[name] = re.findall(r"^\| (\w+) \| \w+ \|", section, flags=re.M)[1:]
        self.assertEqual(tuple(described), DESCRIBED)
        # The description shows three levels; here there are four.
        for side in ("bid", "ask"):
            at = described["snapshots"].index(f"{side}_orders_03") + 1
            described["snapshots"][at:at] = [f"{side}_{what}_04" for what in ("price", "size", "orders")]
            at = described["features"].index(f"{side}_size_03") + 1
            described["features"][at:at] = [f"{side}_{what}_04" for what in ("distance", "size")]
        run("fit", "microprice", self.feed, "-o", self.folder / "model.json", "--no-progress")
        run("replay", self.feed, "--output", self.folder / "more", "--tables", "microprice,alerts", "--labels", "1s",
            "--microprice-model", self.folder / "model.json")
        for table, columns in described.items():
            with self.subTest(table=table):
                folder = self.tables if table in ALL_TABLES else self.folder / "more"
                there = query(folder, f"SELECT column_name FROM (DESCRIBE {table})")
                self.assertEqual([row["column_name"] for row in there], columns)
                if table != "alerts":  # On a day without manipulation there are none.
                    self.assertNotEqual(value(folder, f"SELECT count(*) FROM {table}"), "0")

    def test_bbo_has_a_row_for_each_change(self):
        counted = json.loads(run("bench", "books", self.feed, "--runs", 1, "--warm-up", 0))
        self.assertEqual(int(value(self.tables, "SELECT count(*) FROM bbo")), counted["bbo_changes"])
        self.assertEqual(value(self.tables, "SELECT count(*) FROM bbo GROUP BY ALL HAVING count(DISTINCT sequence) "
                                            "= count(*)"), str(counted["bbo_changes"]))

    # What the tables say of each other.

    def assert_bars_follow_from_trades(self, folder, width_ns):
        recomputed = f"""
            SELECT epoch_ns(time) // {width_ns} AS window, locate, any_value(symbol) AS symbol,
                   first(price ORDER BY sequence) AS open, max(price) AS high, min(price) AS low,
                   last(price ORDER BY sequence) AS close, sum(size) AS volume, count(*) AS trades,
                   coalesce(sum(size) FILTER (aggressor = 'B'), 0) AS buy_volume,
                   coalesce(sum(size) FILTER (aggressor = 'S'), 0) AS sell_volume,
                   max(sequence) AS sequence, sum(price * size) / sum(size) AS vwap
            FROM trades WHERE printable = 'Y' AND size > 0 GROUP BY ALL"""
        exact = " AND ".join(f"b.{column} = r.{column}" for column in (
            "symbol", "open", "high", "low", "close", "volume", "trades", "buy_volume", "sell_volume", "sequence"))
        sql = f"""
            SELECT count(*) AS rows, count(b.start) AS bars, count(r.window) AS recomputed,
                   coalesce(sum(({exact} AND abs(b.vwap / r.vwap - 1) < 1e-9
                                 AND epoch_ns(b."end") - epoch_ns(b.start) = {width_ns})::INT), 0) AS equal
            FROM bars b FULL JOIN ({recomputed}) r
            ON b.locate = r.locate AND epoch_ns(b.start) = r.window * {width_ns}"""
        [row] = query(folder, sql)
        self.assertGreater(int(row["bars"]), 100)
        self.assertEqual(set(row.values()), {row["rows"]}, row)

    def test_trades_in_the_continuous_market_lie_within_the_quotes(self):
        [row] = query(self.tables, "SELECT count(*) AS trades, sum((price BETWEEN bid_price AND ask_price)::INT) AS inside "
                                   "FROM trades WHERE kind = 'displayed' AND printable = 'Y' "
                                   "AND bid_price > 0 AND ask_price > 0")
        self.assertGreater(int(row["trades"]), 500)
        self.assertEqual(row["trades"], row["inside"])

    def test_bars_of_10_ms_follow_from_the_trades(self):
        self.assert_bars_follow_from_trades(self.tables, SECOND // 100)

    def test_bars_of_1_s_follow_from_the_trades(self):
        self.assert_bars_follow_from_trades(self.replay(self.feed, "--bar", "1s", tables=("trades", "bars")), SECOND)

    @staticmethod
    def spread_rows(changes, width):
        """The rows of the spread table of one symbol, from its BBO changes (time, bid, ask, sequence) in order."""
        rows, bid, ask, at = [], 0, 0, 0
        while at < len(changes):
            start = changes[at][0] // width * width
            since, weight, spread, twice_mid, seen, count = start, 0, 0, 0, [], 0
            if bid and ask:
                seen.append(max(ask - bid, 0))
            while True:
                inside = at < len(changes) and changes[at][0] < start + width
                until = changes[at][0] if inside else start + width
                if bid and ask:
                    weight += until - since
                    spread += max(ask - bid, 0) * (until - since)
                    twice_mid += (ask + bid) * (until - since)
                since = until
                if not inside:
                    break
                _, bid, ask, sequence = changes[at]
                if bid and ask:
                    seen.append(max(ask - bid, 0))
                at, count = at + 1, count + 1
            rows.append((start, weight, spread, twice_mid, min(seen, default=0), max(seen, default=0), count, sequence))
        return rows

    def test_spread_follows_from_the_bbo(self):
        for symbol in self.symbols[:3] + self.symbols[-1:]:
            with self.subTest(symbol=symbol):
                changes = [(int(row["t"]), ticks(row["bid_price"]), ticks(row["ask_price"]), int(row["sequence"]))
                           for row in query(self.tables, "SELECT epoch_ns(time) AS t, bid_price, ask_price, sequence "
                                                         f"FROM bbo WHERE symbol = '{symbol}' ORDER BY sequence")]
                written = query(self.tables, f"SELECT *, epoch_ns(start) AS t FROM spread WHERE symbol = '{symbol}' "
                                             "ORDER BY start")
                expected = self.spread_rows(changes, SECOND)
                self.assertEqual(len(written), len(expected))
                for row, (start, weight, spread, twice_mid, least, most, count, sequence) in zip(written, expected):
                    self.assertEqual((int(row["t"]), int(row["two_sided_ns"]), ticks(row["min_spread"]),
                                      ticks(row["max_spread"]), int(row["changes"]), int(row["sequence"])),
                                     (start, weight, least, most, count, sequence), row)
                    if weight == 0:
                        self.assertEqual((row["spread"], row["mid"], row["relative_spread_bps"]), ("", "", ""))
                        continue
                    self.assertAlmostEqual(float(row["spread"]), spread / weight / 10_000, delta=1e-9)
                    self.assertAlmostEqual(float(row["mid"]), twice_mid / weight / 20_000, delta=1e-9)
                    relative_bps = 2 * spread / twice_mid * 10_000
                    self.assertAlmostEqual(float(row["relative_spread_bps"]), relative_bps, delta=1e-6)

    def test_depth_is_the_sum_of_the_snapshot_at_that_moment(self):
        def total(side, what):
            return " + ".join(f"coalesce(s.{side}_{what}_{level:02}, 0)" for level in range(1, LEVELS + 1))

        def levels(side):
            return " + ".join(f"(s.{side}_price_{level:02} IS NOT NULL)::INT" for level in range(1, LEVELS + 1))

        equal = " AND ".join(
            [f"d.{side}_price IS NOT DISTINCT FROM s.{side}_price_01 AND d.{side}_size = {total(side, 'size')} "
             f"AND d.{side}_orders = {total(side, 'orders')} AND d.{side}_levels = {levels(side)}"
             for side in ("bid", "ask")] + ["d.sequence = s.sequence", "d.symbol = s.symbol", "d.quality = s.quality"])
        [row] = query(self.tables, f"SELECT count(*) AS rows, count(d.time) AS depth, count(s.time) AS snapshots, "
                                   f"sum(({equal})::INT) AS equal FROM depth d FULL JOIN snapshots s "
                                   "ON d.locate = s.locate AND d.time = s.time")
        self.assertGreater(int(row["rows"]), 1000)
        self.assertEqual(set(row.values()), {row["rows"]}, row)

    def test_snapshots_at_an_interval_start_with_the_bbo_that_stood_then(self):
        [row] = query(self.tables, """
            SELECT count(*) AS rows, sum((s.bid_price_01 IS NOT DISTINCT FROM b.bid_price
              AND s.ask_price_01 IS NOT DISTINCT FROM b.ask_price AND s.bid_size_01 = b.bid_size
              AND s.ask_size_01 = b.ask_size AND b.time < s.time AND b.sequence <= s.sequence)::INT) AS equal
            FROM snapshots s ASOF JOIN bbo b ON s.locate = b.locate AND s.time > b.time""")
        self.assertGreater(int(row["rows"]), 1000)
        self.assertEqual(row["rows"], row["equal"])

    def test_snapshots_on_change_start_with_every_bbo(self):
        folder = self.replay(self.feed, "--on-change", tables=("bbo", "snapshots"))
        [row] = query(folder, """
            SELECT count(*) AS bbo, sum((s.bid_price_01 IS NOT DISTINCT FROM b.bid_price
              AND s.ask_price_01 IS NOT DISTINCT FROM b.ask_price AND s.bid_size_01 = b.bid_size
              AND s.ask_size_01 = b.ask_size AND s.time = b.time AND s.symbol = b.symbol)::INT) AS equal
            FROM bbo b LEFT JOIN snapshots s ON s.sequence = b.sequence""")
        self.assertEqual(row["bbo"], row["equal"])

    # Filters.

    def test_symbols_asked_for_are_those_of_the_whole_run(self):
        chosen = self.symbols[0], self.symbols[3]
        folder = self.replay(self.feed, "--symbol", ",".join(chosen))
        for table in ALL_TABLES:
            with self.subTest(table=table):
                # A broken trade that is told for the market as a whole is kept: it may be of any symbol.
                expected = dump(self.tables, table, f"symbol IN {chosen} OR locate = 0")
                self.assertEqual(dump(folder, table), expected)

    def assert_times_filter(self, start, end, condition):
        folder = self.replay(self.feed, "--from", start, "--to", end)
        for table in ALL_TABLES:
            with self.subTest(table=table, start=start, end=end):
                expected = dump(self.tables, table, condition.format(TIME_OF[table]))
                if table != "auction":  # Auctions are told of at hours of their own.
                    self.assertGreater(expected.count("\n"), 10)
                self.assertEqual(dump(folder, table), expected)

    def test_times_asked_for_are_those_of_the_whole_run(self):
        self.assert_times_filter("09:30", "10:00", "{0} >= '1970-01-01 09:30:00' AND {0} <= '1970-01-01 10:00:00'")

    def test_a_window_that_the_end_falls_into_is_whole(self):
        # In the middle of the bar of a trade, and of its second.
        at = int(value(self.tables, "SELECT epoch_ns(time) FROM trades WHERE kind = 'displayed' AND "
                                    "time >= '1970-01-01 14:00:00' ORDER BY sequence LIMIT 1"))
        seconds, fraction = divmod(at, SECOND)
        end = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:09}"
        self.assert_times_filter("13:00", end, "{0} >= '1970-01-01 13:00:00' AND epoch_ns({0}) <= " + str(at))

    # Forms of output and input.

    def test_formats_hold_the_same_values(self):
        # Of one symbol, since guessing the types of text files takes its time.
        chosen = self.symbols[5]
        folders = {name: self.replay(self.feed, "--symbol", chosen, "--format", name, output=name)
                   for name in ("csv", "jsonl")}
        for table in ALL_TABLES:
            expected = dump(self.tables, table, f"symbol = '{chosen}' OR locate = 0")
            if expected.count("\n") == 1:  # JSON lines without a line tell no columns.
                continue
            for name, folder in folders.items():
                with self.subTest(table=table, format=name):
                    self.assertEqual(list(csv.reader(io.StringIO(dump(folder, table)))),
                                     list(csv.reader(io.StringIO(expected))))

    def test_standard_output_takes_one_table(self):
        written = self.tapeline("replay", self.feed, "--output", "-", "--tables", "bbo", "--format", "csv").stdout
        folder = self.replay(self.feed, "--format", "csv", tables=("bbo",))
        self.assertEqual(written, (folder / "bbo.csv").read_text(encoding="ascii"))
        self.tapeline("replay", self.feed, "--output", "-", "--format", "csv", exit_code=2)

    def test_compressed_and_piped_feeds_give_the_same_files(self):
        for suffix in (".gz", ".zst"):
            run("generate", self.folder / f"day.itch{suffix}", "--messages", 40_000, "--symbols", 12, "--seed", 11)
            folder = self.replay(f"day.itch{suffix}", output=f"from{suffix}")
            self.assertEqual(digests(folder), digests(self.tables), suffix)
        with open(self.feed, "rb") as piped:
            run("replay", "-", "--output", self.folder / "piped", "--tables", ",".join(ALL_TABLES), *OPTIONS,
                stdin=piped)
        self.assertEqual(digests(self.folder / "piped"), digests(self.tables))

    def test_two_runs_write_the_same_bytes(self):
        self.assertEqual(digests(self.replay(self.feed)), digests(self.tables))

    def test_the_date_is_asked_for_or_in_the_name(self):
        (self.folder / "01302019.NASDAQ_ITCH50").symlink_to(self.feed)
        folder = self.replay("01302019.NASDAQ_ITCH50", tables=("bbo",))
        self.assertTrue(value(folder, "SELECT min(time) FROM bbo").startswith("2019-01-30T"))
        folder = self.replay("01302019.NASDAQ_ITCH50", "--date", "2020-02-29", tables=("bbo",))
        self.assertTrue(value(folder, "SELECT min(time) FROM bbo").startswith("2020-02-29T"))

    # What goes wrong.

    def test_a_truncated_feed_exits_5_and_keeps_what_came_before(self):
        whole = self.feed.read_bytes()
        at = messages = 0
        while at < len(whole) * 2 // 3:
            at += 2 + int.from_bytes(whole[at:at + 2], "big")
            messages += 1
        (self.folder / "torn.itch").write_bytes(whole[:at + 7])
        folder = self.replay("torn.itch", exit_code=5)
        self.assertEqual({file.name for file in folder.iterdir()}, {f"{table}.parquet" for table in ALL_TABLES})
        for table in ("bbo", "trades"):
            self.assertEqual(dump(folder, table), dump(self.tables, table, f"sequence <= {messages}"))

    def test_an_interrupted_run_leaves_no_file_under_its_name(self):
        with subprocess.Popen([harness.BINARY, "replay", "-", "--output", "out"], cwd=self.folder,
                              stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
            program.stdin.write(self.feed.read_bytes()[:1_000_000])
            program.stdin.flush()
            until = time.monotonic() + 30
            while not (self.folder / "out/bars.parquet.partial").exists() and time.monotonic() < until:
                time.sleep(0.01)
            self.assertTrue((self.folder / "out/bars.parquet.partial").exists())
            program.send_signal(signal.SIGINT)
            program.stdin.close()
            self.assertIn(program.wait(timeout=30), (130, -signal.SIGINT))
        self.assertEqual([file.name for file in (self.folder / "out").iterdir() if file.suffix != ".partial"], [])

    def test_mistakes_have_their_exit_codes(self):
        self.assertIn("NOSUCH", self.tapeline("replay", self.feed, "--symbol", "NOSUCH", exit_code=3).stderr)
        self.tapeline("replay", "no-such-file", exit_code=3)
        self.assertIn("nosuch", self.tapeline("replay", self.feed, "--tables", "nosuch", exit_code=2).stderr)
        for wrong in (("--bar", "10"), ("--interval", "0s"), ("--from", "25:61"), ("--date", "2019-02-30"),
                      ("--format", "xml"), ("--levels", "0")):
            self.tapeline("replay", self.feed, *wrong, exit_code=2)
        self.tapeline("replay", self.folder, exit_code=4)
        (self.folder / "noise").write_bytes(bytes(range(256)) * 64)
        self.tapeline("replay", "noise", exit_code=5)

    def test_a_column_of_nulls_alone_can_be_read(self):
        feed = Feed().directory(0).hidden_trade(SECOND, 100, 50_0000, 1)
        folder = self.replay(feed.write(self.folder / "made.itch"), tables=("trades",))
        self.assertEqual(query(folder, "SELECT symbol, price, size, aggressor, cross_type, bid_price FROM trades"),
                         [{"symbol": "AAA", "price": "50", "size": "100", "aggressor": "", "cross_type": "",
                           "bid_price": ""}])

    def test_missing_messages_show_in_the_quality(self):
        feed = Feed()
        capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        # The order closes the first bar: one that is open when messages go missing may lack some of them.
        feed.directory(0).hidden_trade(SECOND, 1, 50_0000, 1).order(SECOND + SECOND // 2, 1, b"B", 100, 49_0000)
        capture += feed.packet(1, 3)
        capture += feed.hidden_trade(2 * SECOND, 2, 50_0000, 2).packet(9, 1)
        (self.folder / "gap.pcap").write_bytes(capture)
        folder = self.replay("gap.pcap", tables=("trades", "bars"))
        for table, size in (("trades", "size"), ("bars", "volume")):
            self.assertEqual([tuple(row.values()) for row in query(
                folder, f"SELECT sequence, {size}, quality FROM {table} ORDER BY sequence")],
                [("2", "1", "good"), ("9", "2", "gapped")])

    def test_messages_missing_at_the_end_show_in_the_windows_that_are_open(self):
        feed = Feed().directory(0).hidden_trade(SECOND, 1, 50_0000, 1)
        capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + feed.packet(1, 2)
        (self.folder / "end.pcap").write_bytes(capture + feed.packet(500, 0))  # A heartbeat: 497 more were sent.
        folder = self.replay("end.pcap", tables=("bars",))
        self.assertEqual([row["quality"] for row in query(folder, "SELECT quality FROM bars")], ["gapped"])

    # Times that are not in order.

    def bars_of(self, feed):
        folder = self.replay(feed.write(self.folder / "made.itch"), tables=("trades", "bars"))
        return [(int(row["ms"]), int(row["volume"]))
                for row in query(folder, "SELECT epoch_ms(start) AS ms, volume FROM bars ORDER BY sequence")]

    def test_late_data_counts_in_the_window_that_is_open(self):
        ms = 1_000_000
        feed = Feed().directory(0).hidden_trade(21 * ms, 100, 50_0000, 1)
        feed.hidden_trade(29 * ms, 10, 50_0000, 2).hidden_trade(5 * ms, 1, 50_0000, 3)
        self.assertEqual(self.bars_of(feed), [(20, 111)])

    def test_late_data_never_reopens_a_window(self):
        ms = 1_000_000
        feed = Feed().directory(0).hidden_trade(21 * ms, 100, 50_0000, 1)
        feed.order(45 * ms, 1, b"B", 100, 49_0000)  # The window from 20 to 30 ms is over, none is open.
        feed.hidden_trade(22 * ms, 10, 50_0000, 2)
        self.assertEqual(self.bars_of(feed), [(20, 100), (40, 10)])

    def test_the_time_of_a_malformed_message_moves_nothing(self):
        ms = 1_000_000
        for kind in (b"D", b"z"):  # One with a wrong length, one of an unknown type.
            feed = Feed().directory(0).hidden_trade(21 * ms, 100, 50_0000, 1)
            feed.add(kind, 2**48 - 1, b"?")
            feed.hidden_trade(41 * ms, 10, 50_0000, 2).hidden_trade(61 * ms, 1, 50_0000, 3)
            self.assertEqual(self.bars_of(feed), [(20, 100), (40, 10), (60, 1)])


if __name__ == "__main__":
    harness.main()
