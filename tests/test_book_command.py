"""`tapeline book` against the generator's own books and against a plain book made of dictionaries."""

import csv
import gzip
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import time

import harness

MESSAGES = 60_000
OPTIONS = ("--messages", MESSAGES, "--symbols", 40, "--seed", 11, "--no-progress")


def messages_of(data):
    """The messages of a BinaryFILE."""
    at = 0
    while at + 2 <= len(data):
        (length,) = struct.unpack_from(">H", data, at)
        if length == 0:
            return
        yield data[at + 2 : at + 2 + length]
        at += 2 + length


class PlainBook:
    """Orders by reference, nothing else; levels are added up when they are asked for."""

    def __init__(self):
        self.orders = {}  # Reference to [locate, side, price, shares].
        self.symbols = {}

    def apply(self, message):
        kind = message[:1]
        (locate,) = struct.unpack_from(">H", message, 1)
        (ref,) = struct.unpack_from(">Q", message, 11) if len(message) >= 19 else (0,)
        if kind == b"R":
            self.symbols[message[11:19].decode().strip()] = locate
        elif kind in b"AF":
            (shares,) = struct.unpack_from(">I", message, 20)
            (price,) = struct.unpack_from(">I", message, 32)
            self.orders[ref] = [locate, "bid" if message[19:20] == b"B" else "ask", price, shares]
        elif kind in b"ECX":
            self.orders[ref][3] -= struct.unpack_from(">I", message, 19)[0]
            if self.orders[ref][3] == 0:
                del self.orders[ref]
        elif kind == b"D":
            del self.orders[ref]
        elif kind == b"U":
            new, shares, price = struct.unpack_from(">QII", message, 19)
            old = self.orders.pop(ref)
            self.orders[new] = [old[0], old[1], price, shares]

    def levels_csv(self, symbol, count):
        """What `--format csv` is to print."""
        lines = ["side,level,price,size,orders,cumulative_size"]
        for side in ("bid", "ask"):
            levels = {}
            for locate, of, price, shares in self.orders.values():
                if locate == self.symbols[symbol] and of == side:
                    size, orders = levels.get(price, (0, 0))
                    levels[price] = (size + shares, orders + 1)
            total = 0
            for number, price in enumerate(sorted(levels, reverse=side == "bid")[:count], start=1):
                size, orders = levels[price]
                total += size
                lines.append(f"{side},{number},{price // 10000}.{price % 10000:04},{size},{orders},{total}")
        return "\n".join(lines) + "\n"


def time_of(message):
    return int.from_bytes(message[5:11], "big")


def text_of(nanoseconds):
    seconds, fraction = divmod(nanoseconds, 10**9)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:09}"


class BookCommandTest(harness.TestCase):
    def generate(self, name="day.itch"):
        self.tapeline("generate", name, *OPTIONS, "--truth-book", "truth.csv")
        return (self.folder / name).read_bytes()

    def run_with_bytes(self, *arguments, data):
        done = subprocess.run([str(harness.BINARY), *arguments], cwd=self.folder, input=data, capture_output=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_all_equals_the_truth_of_the_generator(self):
        self.generate()
        done = self.tapeline("book", "day.itch", "--all", "--format", "csv")
        self.assertEqual(done.stderr, "")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "locate,symbol,bid_price,bid_size,ask_price,ask_size,quality")
        truth = (self.folder / "truth.csv").read_text().splitlines()
        self.assertEqual(len(truth), 41)
        self.assertEqual(lines[1:], [line + ",good" for line in truth[1:]])
        self.assertEqual(self.tapeline("book", "day.itch", "--all").stdout, done.stdout, "a pipe gets csv by default")
        rows = json.loads(self.tapeline("book", "day.itch", "--all", "--format", "json").stdout)
        for row, line in zip(rows, csv.DictReader(io.StringIO(done.stdout)), strict=True):
            self.assertEqual(list(row), list(line))
            self.assertEqual((str(row["locate"]), row["symbol"], str(row["bid_size"] or "")),
                             (line["locate"], line["symbol"], line["bid_size"]))

    def test_ladder_at_any_time_equals_a_plain_book(self):
        day = list(messages_of(self.generate()))
        book = PlainBook()
        symbol = None
        for number, message in enumerate(day):
            book.apply(message)
            if number == 200:
                symbol = next(iter(book.symbols))
            last_of_its_time = number + 1 == len(day) or time_of(day[number + 1]) > time_of(message)
            if number % 15_000 < 14_000 or not last_of_its_time or getattr(self, "checked", 0) > number // 15_000:
                continue
            self.checked = number // 15_000 + 1
            for levels in (3, 10):
                done = self.tapeline("book", "day.itch", "--symbol", symbol, "--at", text_of(time_of(message)),
                                     "--levels", levels, "--format", "csv")
                self.assertEqual(done.stdout, book.levels_csv(symbol, levels), f"after message {number + 1}")
        self.assertEqual(self.checked, 4)
        done = self.tapeline("book", "day.itch", "--symbol", symbol, "--levels", 0, "--format", "csv")
        self.assertEqual(done.stdout, book.levels_csv(symbol, None))

    def test_gzip_zstd_and_standard_input_give_the_same(self):
        data = self.generate()
        self.generate("day.itch.zst")
        (self.folder / "day.itch.gz").write_bytes(gzip.compress(data, 1))
        plain = self.tapeline("book", "day.itch", "--all").stdout
        self.assertEqual(self.tapeline("book", "day.itch.gz", "--all").stdout, plain)
        self.assertEqual(self.tapeline("book", "day.itch.zst", "--all").stdout, plain)
        self.assertEqual(self.run_with_bytes("book", "-", "--all", data=data), plain)
        self.assertEqual(self.run_with_bytes("book", "-", "--all", data=gzip.compress(data, 1)), plain)

    def test_json_and_ladder_agree_with_csv(self):
        self.generate()
        row = next(csv.DictReader(io.StringIO(self.tapeline("book", "day.itch", "--all").stdout)))
        book = json.loads(self.tapeline("book", "day.itch", "--symbol", row["symbol"], "--queue", "--format", "json")
                          .stdout)
        self.assertEqual(book["symbol"], row["symbol"])
        self.assertEqual(book["quality"], "good")
        best_bid, best_ask = book["bids"][0], book["asks"][0]
        self.assertEqual(f"{best_bid['price']:.4f}", row["bid_price"])
        self.assertEqual(sum(order["size"] for order in book["bid_queue"]), best_bid["size"])
        self.assertEqual(len(book["ask_queue"]), best_ask["orders"])
        qb, qa = best_bid["size"], best_ask["size"]
        self.assertAlmostEqual(book["weighted_mid"], (qb * best_ask["price"] + qa * best_bid["price"]) / (qb + qa), 5)
        ladder = self.tapeline("book", "day.itch", "--symbol", row["symbol"], "--queue").stdout
        for words in ("quality good", row["bid_price"], row["ask_price"], "spread", "queue at the best bid"):
            self.assertIn(words, ladder)
        self.assertNotIn("\033", ladder, "a pipe gets no colours")
        self.assertLessEqual(max(len(line) for line in ladder.splitlines()), 100)

    def test_unknown_symbol_names_the_closest(self):
        self.generate()
        symbol = next(csv.DictReader(io.StringIO(self.tapeline("book", "day.itch", "--all").stdout)))["symbol"]
        done = self.tapeline("book", "day.itch", "--symbol", symbol.lower(), exit_code=3)
        self.assertEqual(done.stdout, "")
        self.assertIn(f"the closest it has: {symbol}", done.stderr)

    def test_before_the_first_message_the_book_is_empty(self):
        self.generate()
        done = self.tapeline("book", "day.itch", "--symbol", "AAPL", "--at", "00:01", "--format", "csv")
        self.assertEqual(done.stdout, "side,level,price,size,orders,cumulative_size\n")
        self.assertIn("no message up to 00:01", done.stderr)
        self.assertIn("no spread", self.tapeline("book", "day.itch", "--symbol", "AAPL", "--at", "00:01").stdout)

    def test_truncated_file_is_used_up_to_there(self):
        data = self.generate()
        (self.folder / "torn.itch").write_bytes(data[: len(data) * 2 // 3])
        book = PlainBook()
        for message in messages_of(data[: len(data) * 2 // 3]):
            if len(message) > 11 and len(message) == {b"A": 36, b"D": 19}.get(message[:1], len(message)):
                try:
                    book.apply(message)
                except (struct.error, KeyError):
                    break  # The message that is cut off.
        symbol = next(iter(book.symbols))
        done = self.tapeline("book", "torn.itch", "--symbol", symbol, "--format", "csv", exit_code=5)
        self.assertEqual(done.stdout, book.levels_csv(symbol, 10))
        self.assertIn("truncated", done.stderr)

    def test_mistakes_are_told(self):
        self.generate()
        for arguments in ((), ("--symbol", "A", "--all"), ("--all", "--queue"), ("--symbol", "A", "--at", "9:30"),
                          ("--symbol", "A", "--at", "09:61"), ("--symbol", "A", "--format", "xml")):
            with self.subTest(arguments=arguments):
                done = self.tapeline("book", "day.itch", *arguments, exit_code=2)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr)
        self.assertIn("name the feed", self.tapeline("book", "--all", exit_code=2).stderr)
        self.assertIn("name the feed", self.tapeline("inspect", exit_code=2).stderr)
        self.assertIn("none.itch", self.tapeline("book", "none.itch", "--all", exit_code=3).stderr)

    def test_interrupt_ends_even_a_silent_pipe(self):
        done = subprocess.Popen([str(harness.BINARY), "book", "-", "--all"], cwd=self.folder, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(done.kill)
        done.stdin.write(b"\0")  # Not even a length: the program waits for the rest.
        done.stdin.flush()
        for _ in range(200):
            status = pathlib.Path(f"/proc/{done.pid}/status").read_text()
            caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
            if int(caught.split()[1], 16) & 1 << (signal.SIGINT - 1):
                break
            time.sleep(0.01)
        os.kill(done.pid, signal.SIGINT)
        output, errors = done.communicate(timeout=20)
        self.assertEqual((done.returncode, output), (130, b""))
        self.assertIn(b"interrupted", errors)


if __name__ == "__main__":
    harness.main()
