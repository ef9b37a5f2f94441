"""`tapeline inspect`: a generated day, a feed with every kind of mistake, real captures, refused files."""

import collections
import gzip
import json
import struct
import subprocess

import harness

HALF_PAST_NINE = 34_200 * 10**9


def header(kind, locate, time):
    return kind + struct.pack(">HH", locate, 0) + time.to_bytes(6, "big")


def directory(locate, symbol, time):
    return header(b"R", locate, time) + symbol.ljust(8).encode() + b"QN" + struct.pack(">I", 100) + b"NCZ PNN1N" \
        + struct.pack(">I", 0) + b"N"


def add(locate, symbol, ref, side, shares, price, time):
    return header(b"A", locate, time) + struct.pack(">QsI", ref, side, shares) + symbol.ljust(8).encode() \
        + struct.pack(">I", price)


def execute(locate, ref, shares, time):
    return header(b"E", locate, time) + struct.pack(">QIQ", ref, shares, 1)


def delete(locate, ref, time):
    return header(b"D", locate, time) + struct.pack(">Q", ref)


def framed(messages):
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


class InspectCommandTest(harness.TestCase):
    def inspect(self, path, exit_code=0):
        done = self.tapeline("inspect", path, "--format", "json", exit_code=exit_code)
        report = json.loads(done.stdout)
        report["found"] = {name: (of["count"], of["first_message"]) for name, of in report["anomalies"].items()
                           if of["count"]}
        return report

    def test_a_generated_day(self):
        self.tapeline("generate", "day.itch", "--messages", 60_000, "--symbols", 40, "--seed", 3, "--truth-book",
                      "truth.csv")
        data = (self.folder / "day.itch").read_bytes()
        types, second, peak, at, times = collections.Counter(), collections.Counter(), 0, 0, []
        while at + 2 < len(data):
            (length,) = struct.unpack_from(">H", data, at)
            types[chr(data[at + 2])] += 1
            times.append(int.from_bytes(data[at + 7 : at + 13], "big"))
            second[times[-1] // 10**9] += 1
            at += 2 + length
        report = self.inspect("day.itch")
        self.assertEqual(report["types"], types)
        self.assertEqual(list(report["types"].values()), sorted(types.values(), reverse=True))
        self.assertEqual((report["messages"], report["bytes"], report["symbols"]), (60_000, len(data), 40))
        self.assertEqual(report["message_bytes"], len(data) - 2 - 2 * 60_000)
        self.assertEqual((report["format"], report["compression"]), ("BinaryFILE", "none"))
        self.assertEqual(report["first_time"], "03:00:00.000000000")
        self.assertEqual(report["last_time"], "20:05:00.000000000")
        self.assertEqual(report["peak_messages_per_second"], max(second.values()))
        self.assertAlmostEqual(report["messages_per_second"], 60_000 * 1e9 / (times[-1] - times[0]), 3)
        self.assertEqual([event["code"] for event in report["system_events"]], list("OSQMEC"))
        self.assertEqual(len(report["busiest_symbols"]), 20)
        self.assertEqual(report["found"], {})
        self.assertIsNone(report["error"])
        page = self.tapeline("inspect", "day.itch").stdout
        for words in ("60,000 in", "AddOrder", "busiest 20 of 40 symbols", "start of market hours", "none"):
            self.assertIn(words, page)
        self.assertNotIn("\033", page)
        self.assertLessEqual(max(len(line) for line in page.splitlines()), 100)

    def test_compression_and_standard_input(self):
        self.tapeline("generate", "day.itch", "--messages", 20_000, "--symbols", 20)
        self.tapeline("generate", "day.itch.zst", "--messages", 20_000, "--symbols", 20)
        data = (self.folder / "day.itch").read_bytes()
        (self.folder / "day.itch.gz").write_bytes(gzip.compress(data))
        varying = ("file", "compression", "bytes")
        plain = {name: value for name, value in self.inspect("day.itch").items() if name not in varying}
        for name, compression in (("day.itch.gz", "gzip"), ("day.itch.zst", "zstd")):
            report = self.inspect(name)
            self.assertEqual(report["compression"], compression)
            self.assertEqual(report["bytes"], (self.folder / name).stat().st_size)
            self.assertEqual({key: value for key, value in report.items() if key not in varying}, plain)
        done = subprocess.run([str(harness.BINARY), "inspect", "-", "--format", "json"], input=data, timeout=60,
                              capture_output=True, check=True)
        report = json.loads(done.stdout)
        self.assertEqual((report["file"], report["compression"]), ("standard input", None))
        self.assertEqual((report["types"], report["bytes"]), (plain["types"], len(data)))

    def test_every_anomaly_is_counted_and_placed(self):
        t = HALF_PAST_NINE
        (self.folder / "odd.itch").write_bytes(framed([
            directory(1, "AAA", t),
            add(1, "AAA", 10, b"B", 100, 100_0000, t),
            add(1, "AAA", 11, b"S", 100, 101_0000, t),
            add(2, "BBB", 12, b"B", 100, 50_0000, t + 1),   # 4: no directory
            add(1, "AAA", 10, b"B", 100, 100_0000, t + 2),  # 5: duplicate reference
            execute(1, 11, 60, t + 3),
            execute(1, 11, 60, t + 4),                      # 7: overfill
            delete(1, 99, t + 5),                           # 8: unknown order
            delete(1, 98, t + 5),
            add(1, "AAA", 13, b"S", 100, 99_0000, t + 6),   # 10: crossed
            delete(1, 13, t + 1),                           # 11: out of order
            header(b"Z", 1, t + 7) + b"123",                # 12: unknown type
            delete(1, 10, t + 8) + b"!",                    # 13: wrong length
            add(1, "AAA", 14, b"B", 0, 99_0000, t + 9),     # 14: no shares
            delete(1, 10, 86_400 * 10**9 + 1),              # 15: beyond midnight
        ]) + b"\0\0rest")
        report = self.inspect("odd.itch")
        self.assertEqual(report["found"], {
            "unknown_types": (1, 12), "wrong_lengths": (1, 13), "out_of_order_times": (1, 11),
            "times_beyond_midnight": (1, 15), "trailing_bytes": (4, None), "unknown_orders": (2, 8),
            "overfills": (1, 7), "duplicate_references": (1, 5), "invalid_fields": (1, 14), "crossed_books": (1, 10),
            "locates_without_directory": (1, 4)})
        self.assertEqual(report["types"], {"A": 6, "D": 5, "E": 2, "R": 1, "Z": 1})
        self.assertEqual(report["busiest_symbols"][0],
                         {"symbol": "AAA", "messages": 14, "adds": 5, "executions": 2, "volume": 120})
        self.assertEqual((report["symbols"], report["live_orders"], report["peak_live_orders"]), (2, 1, 3))
        page = self.tapeline("inspect", "odd.itch").stdout
        self.assertIn("2  changes of orders that are not in the book, first at message 8\n", page)
        book = self.tapeline("book", "odd.itch", "--all").stdout
        self.assertEqual(book.splitlines()[1:], ["1,AAA,,,,,suspect", "2,BBB,50.0000,100,,,good"])

    def test_truncated_file_is_described_up_to_there(self):
        self.tapeline("generate", "day.itch", "--messages", 20_000, "--symbols", 20)
        data = (self.folder / "day.itch").read_bytes()
        (self.folder / "torn.itch").write_bytes(data[: len(data) // 2])
        report = self.inspect("torn.itch", exit_code=5)
        self.assertGreater(report["messages"], 5_000)
        self.assertIn("truncated", report["error"])
        done = self.tapeline("inspect", "torn.itch", exit_code=5)
        self.assertIn("the input ends in an error", done.stdout)
        self.assertIn("truncated", done.stderr)
        (self.folder / "torn.gz").write_bytes(gzip.compress(data)[:-2000])
        self.assertGreater(self.inspect("torn.gz", exit_code=5)["messages"], 5_000)

    def test_empty_file(self):
        (self.folder / "empty.itch").write_bytes(b"")
        report = self.inspect("empty.itch")
        self.assertEqual((report["messages"], report["types"], report["first_time"]), (0, {}, None))
        self.assertIn("messages      0 in 0 bytes", self.tapeline("inspect", "empty.itch").stdout)

    def test_refused_files_say_why(self):
        reasons = {"eight-byte-timestamps": "it seems to have 8-byte timestamps",
                   "no-length-prefix": "the messages have no length prefix",
                   "zero-length-prefix": "each message is prefixed by 00 00"}
        for name, reason in reasons.items():
            path = harness.shared_data(f"malformed/{name}.itch")
            for command in (("inspect",), ("inspect", "--format", "json"), ("book", "--all"),
                            ("book", "--symbol", "AAPL")):
                with self.subTest(name=name, command=command):
                    done = self.tapeline(command[0], path, *command[1:], exit_code=5)
                    self.assertEqual(done.stdout, "")
                    self.assertIn(reason, done.stderr)

    def test_real_capture_of_two_packets(self):
        report = self.inspect(harness.shared_data("nasdaq-moldudp64/Multiple.Packets.pcap"))
        self.assertEqual((report["format"], report["packets"], report["foreign_packets"]), ("MoldUDP64 capture", 2, 0))
        self.assertEqual((report["messages"], report["bytes"]), (39, 1661))
        self.assertEqual(report["types"], {"A": 36, "F": 2, "D": 1})
        self.assertEqual((report["first_time"], report["last_time"]), ("09:30:00.007495351", "09:30:38.952381153"))
        self.assertEqual(report["first_capture_time"], "2023-08-22T13:30:00.007661955Z")
        self.assertEqual(report["last_capture_time"], "2023-08-22T13:30:38.952561782Z")
        self.assertEqual((report["live_orders"], report["live_levels"], report["symbols"]), (38, 17, 1))
        self.assertEqual(report["busiest_symbols"],
                         [{"symbol": "META", "messages": 38, "adds": 38, "executions": 0, "volume": 0}])
        self.assertEqual(report["found"], {
            "gaps": (1, 14_764_497), "missing_messages": (4_244_620, 14_764_497), "unknown_orders": (1, 14_764_496),
            "locates_without_directory": (2, 14_764_496)})
        book = self.tapeline("book", harness.shared_data("nasdaq-moldudp64/Multiple.Packets.pcap"), "--all").stdout
        self.assertIn("META", book)
        self.assertIn("gapped", book)

    def test_real_head_of_a_day(self):
        report = self.inspect(harness.shared_data("itch/directory-head.itch"))
        self.assertEqual((report["messages"], report["bytes"], report["symbols"]), (1000, 40874, 993))
        self.assertEqual(report["types"], {"R": 993, "H": 3, "Y": 3, "S": 1})
        self.assertEqual((report["first_time"], report["last_time"]), ("03:04:32.057543747", "03:09:14.360581176"))
        self.assertEqual((report["peak_messages_per_second"], report["peak_second"]), (999, "03:09:14.000000000"))
        self.assertEqual(report["system_events"], [{"time": "03:04:32.057543747", "code": "O"}])
        self.assertEqual(report["found"], {})


if __name__ == "__main__":
    harness.main()
