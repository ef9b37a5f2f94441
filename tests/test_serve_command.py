"""tapeline serve: what it answers is what the engine says, also of the past; clients may be slow, broken or hostile."""

import collections
import concurrent.futures
import csv
import http.client
import io
import json
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import harness
from websocket import BINARY, TEXT, Closed, WebSocket

MESSAGES = 300_000
SYMBOLS = 60


class Server:
    """A `tapeline serve` on a data folder."""

    def __init__(self, folder, *settings, port=0):
        command = [str(harness.BINARY), "serve", "--format", "json", "--set", f"serve.port={port}"]
        for setting in settings:
            command += ["--set", setting]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        self.address = json.loads(line)["address"]

    def get(self, path, headers=None, method="GET"):
        """(status, headers, text)"""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(f"http://{self.address}{path}", headers=headers or {}, method=method)
        try:
            with opener.open(request, timeout=20) as response:
                return response.status, response.headers, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def json(self, path):
        status, _, text = self.get(path)
        if status != 200:
            raise AssertionError(f"{path} answered {status}: {text}")
        return json.loads(text)

    def wait_until_live(self, sequence=1):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.get("/readyz")[0] == 200 and self.json("/v1/status")["serve"]["sequence"] >= sequence:
                return
            time.sleep(0.02)
        raise AssertionError(f"the server does not become live: {self.get('/v1/status')}")

    def stop(self, by=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(by)
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Book:
    """What a client makes of the stream's messages of one channel."""

    def __init__(self):
        self.next = 1
        self.sides = {"bids": {}, "asks": {}}
        self.sequence = 0

    def take(self, message):
        assert message["n"] == self.next, f"number {message['n']} where {self.next} was due"
        self.next += 1
        self.sequence = message["sequence"]
        for name, levels in self.sides.items():
            if message["type"] == "snapshot":
                levels.clear()
            for price, size, orders in message[name]:
                if size == 0:
                    del levels[price]
                else:
                    levels[price] = [price, size, orders]

    def levels(self, name):
        return sorted(self.sides[name].values(), reverse=name == "bids")


def make_day(test):
    """A generated day in `test.folder`, as a file and in the log of ./tapeline-data."""
    test.tapeline("generate", "day.itch", "--messages", MESSAGES, "--symbols", SYMBOLS)
    test.tapeline("log", "import", "day.itch")


def number(text):
    return None if text == "" else float(text)


class RecordedDayTest(harness.TestCase):
    """A day that is over, served to many questions: made once for all of them."""

    @classmethod
    def setUpClass(cls):
        class Maker(harness.TestCase):
            def runTest(self):
                """Only its folder is wanted."""
        cls.maker = Maker()
        cls.maker.setUp()
        make_day(cls.maker)
        cls.server = Server(cls.maker.folder, "serve.cors_origins=https://desk.example")
        cls.server.wait_until_live(MESSAGES)
        # Half a request: who does not finish it is cut off; the last test looks whether that has happened.
        host, port = cls.server.address.rsplit(":", 1)
        cls.loris = socket.create_connection((host, int(port)))
        cls.loris.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        cls.loris_since = time.monotonic()

    @classmethod
    def tearDownClass(cls):
        cls.loris.close()
        cls.server.stop()
        cls.maker.doCleanups()

    def engine(self, *arguments):
        return self.maker.tapeline(*arguments).stdout

    def busiest(self):
        return self.server.json("/v1/symbols?limit=1")["symbols"][0][0]

    def test_every_book_is_the_engines(self):
        wanted = {row["symbol"]: row for row in csv.DictReader(io.StringIO(
            self.engine("book", "day.itch", "--all", "--format", "csv")))}
        answer = self.server.json("/v1/symbols?limit=65536")
        self.assertEqual((answer["sequence"], answer["session"]), (MESSAGES, "FILE"))
        column = {name: place for place, name in enumerate(answer["columns"])}
        self.assertEqual({row[0] for row in answer["symbols"]}, set(wanted))
        for row in answer["symbols"]:
            engine = wanted[row[0]]
            for ours, theirs in (("bid", "bid_price"), ("bid_size", "bid_size"), ("ask", "ask_price"),
                                 ("ask_size", "ask_size")):
                self.assertEqual(row[column[ours]], number(engine[theirs]), f"{ours} of {row[0]}")
            self.assertEqual(row[column["quality"]], engine["quality"])

    def assert_same_book(self, book, engine):
        for name in ("symbol", "locate", "trading_state", "halt_reason", "quality", "spread", "mid", "weighted_mid",
                     "imbalance", "bid_levels", "ask_levels"):
            self.assertEqual(book[name], engine[name], name)
        for side in ("bids", "asks"):
            self.assertEqual(book[side], [[level["price"], level["size"], level["orders"]] for level in engine[side]])
        if engine["last_trade"] is None:
            self.assertIsNone(book["last_trade"])
            return
        for name in ("price", "size", "kind", "aggressor", "match", "broken"):
            self.assertEqual(book["last_trade"][name], engine["last_trade"][name], name)

    def test_a_book_of_now_and_of_then_is_the_engines(self):
        symbols = [row[0] for row in self.server.json("/v1/symbols")["symbols"]]
        for symbol, at in ((symbols[0], None), (symbols[7], None), (symbols[0], "09:30:00"), (symbols[1], "11:11:11.5"),
                           (symbols[-1], "15:59:59.999999999"), (symbols[2], "04:00")):
            with self.subTest(symbol=symbol, at=at):
                engine = json.loads(self.engine("book", "day.itch", "--symbol", symbol, "--levels", 20, "--format",
                                                "json", *(("--at", at) if at else ())))
                book = self.server.json(f"/v1/books/{symbol}?levels=20" + (f"&at={at}" if at else ""))
                self.assert_same_book(book, engine)
                self.assertEqual(book["time"], engine["time"])
                by_sequence = self.server.json(f"/v1/books/{symbol}?levels=20&sequence={book['sequence']}")
                self.assertEqual((by_sequence["bids"], by_sequence["asks"]), (book["bids"], book["asks"]))

    def test_a_replay_is_one_book_after_the_other(self):
        symbol = self.busiest()
        replay = self.server.json(f"/v1/replay/{symbol}?from=10:00&to=10:02&step_ms=10000&levels=5")
        self.assertEqual(len(replay["frames"]), 13)
        for frame in replay["frames"]:
            book = self.server.json(f"/v1/books/{symbol}?levels=5&at={frame['time_ns']}")
            self.assertEqual((frame["bids"], frame["asks"], frame["sequence"], frame["quality"]),
                             (book["bids"], book["asks"], book["sequence"], book["quality"]))
        self.assertEqual(sorted(replay["trades"]), replay["trades"])

    def test_bars_and_trades_are_the_engines(self):
        symbol = self.busiest()
        self.engine("replay", "day.itch", "--tables", "bars,trades", "--bar", "1m", "--symbol", symbol, "--format", "csv",
                    "--output", "engine")
        by_minute = {}
        for row in csv.DictReader(io.StringIO((self.maker.folder / "engine/bars.csv").read_text())):
            hours, minutes = re.search(r"(\d\d):(\d\d):", row["start"]).groups()
            by_minute[int(hours) * 60 + int(minutes)] = row
        answer = self.server.json(f"/v1/bars/{symbol}?width=60")
        compared = 0
        for bar in (dict(zip(answer["columns"], values)) for values in answer["bars"]):
            if bar["open"] is None:
                continue
            engine = by_minute[bar["start_s"] // 60]
            for name in ("open", "high", "low", "close", "volume", "buy_volume", "sell_volume", "trades"):
                self.assertEqual(bar[name], float(engine[name]), f"{name} at {bar['start_s']}")
            self.assertAlmostEqual(bar["vwap"], float(engine["vwap"]), places=5)
            compared += 1
        self.assertGreater(compared, 20)
        trades = self.server.json(f"/v1/trades/{symbol}?limit=50")
        engine = list(csv.DictReader(io.StringIO((self.maker.folder / "engine/trades.csv").read_text())))[-50:]
        self.assertEqual([(row[2], row[3], row[6]) for row in trades["trades"] if row[5] != "broken"],
                         [(float(row["price"]), int(row["size"]), int(row["match"])) for row in engine
                          if row["kind"] != "broken"])

    def test_what_cannot_be_answered_is_told(self):
        symbol = self.busiest()
        for path, status in (("/v1/books/NOSUCH", 404), ("/v1/books/MUCHTOOLONG", 404), ("/v1/nothing", 404),
                             ("/nothing.js", 404), (f"/v1/books/{symbol}?levels=0", 400),
                             (f"/v1/books/{symbol}?at=noon", 400), (f"/v1/books/{symbol}?at=23:59", 404),
                             (f"/v1/books/{symbol}?sequence={MESSAGES + 1}", 404),
                             (f"/v1/replay/{symbol}?from=10:00&to=11:00&step_ms=1", 400)):
            with self.subTest(path=path):
                answered, headers, text = self.server.get(path)
                self.assertEqual(answered, status, text)
                self.assertEqual(headers["Content-Type"], "application/json")
                self.assertGreater(len(json.loads(text)["error"]), 10)
        status, headers, _ = self.server.get("/v1/symbols", method="POST")
        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD, OPTIONS"))

    def test_the_page_and_its_files_are_there(self):
        status, headers, page = self.server.get("/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'self'", headers["Content-Security-Policy"])
        self.assertEqual(self.server.get("/", {"If-None-Match": headers["ETag"]})[0], 304)
        files = re.findall(r'(?:src|href)="(/[^"]+)"', page)
        self.assertGreaterEqual(len(files), 3)
        for path in files:
            status, headers, _ = self.server.get(path)
            self.assertEqual((status, headers["Cache-Control"]), (200, "public, max-age=31536000, immutable"), path)
        status, headers, text = self.server.get("/v1/symbols", method="HEAD")
        self.assertEqual((status, text), (200, ""))
        self.assertGreater(int(headers["Content-Length"]), 1000)

    def test_the_description_knows_every_route(self):
        description = self.server.json("/openapi.json")
        symbol = self.busiest()
        for path, methods in description["paths"].items():
            with self.subTest(path=path):
                shared = description["components"]["parameters"]
                parameters = {one["name"]: one for one in (
                    shared[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
                    for one in methods["get"].get("parameters", []))}
                needed = "&".join(f"{name}={one['example']}" for name, one in parameters.items()
                                  if one["in"] == "query" and one.get("required"))
                url = path.replace("{symbol}", symbol).replace("{id}", "0" * 16) + ("?" + needed if needed else "")
                if path != "/v1/stream":
                    # No pipeline has computed alerts of this day, so there is no evidence of any.
                    self.assertEqual(self.server.get(url)[0], 404 if "{id}" in path else 200, url)
        code = (harness.SOURCE_DIR / "src/serve/rest_request.cc").read_text(encoding="utf-8")
        for route in re.findall(r'"(/(?:v1/)?[a-z]+/?)", RestRequest', code):
            self.assertIn(route + ("{symbol}" if route.endswith("/") else ""), description["paths"])

    def test_other_pages_may_read_only_if_they_are_named(self):
        _, headers, _ = self.server.get("/v1/status", {"Origin": "https://desk.example"})
        self.assertEqual(headers["Access-Control-Allow-Origin"], "https://desk.example")
        _, headers, _ = self.server.get("/v1/status", {"Origin": "https://other.example"})
        self.assertIsNone(headers["Access-Control-Allow-Origin"])
        client = WebSocket(self.server.address, headers={"Origin": "https://other.example"})
        self.assertEqual(client.status, 403)
        client.close()
        for origin in ("https://desk.example", f"http://{self.server.address}"):
            client = WebSocket(self.server.address, headers={"Origin": origin})
            self.assertEqual(client.status, 101)
            client.close()
        client = WebSocket(self.server.address, path="/v1/other")
        self.assertEqual(client.status, 404)
        client.close()

    def test_metrics_are_for_prometheus(self):
        status, headers, text = self.server.get("/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        values = dict(re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", text, flags=re.M))
        self.assertEqual(values["tapeline_serve_view_sequence"], str(MESSAGES))
        self.assertEqual(values['tapeline_serve_view_state{state="live"}'], "1")
        self.assertEqual(values["tapeline_serve_symbols"], str(SYMBOLS))
        self.assertEqual(values["tapeline_pipeline_running"], "0")

    def test_the_stream_tells_every_table(self):
        symbol = self.busiest()
        client = WebSocket(self.server.address)
        self.addCleanup(client.close)
        hello = client.wait_for(type="hello")
        self.assertEqual((hello["protocol"], hello["sequence"]), (1, MESSAGES))
        client.ask(op="subscribe", id=5, tables=["book", "bbo", "trades", "bars", "overview", "status"],
                   symbols=[symbol], depth=7)
        self.assertEqual(client.wait_for(type="subscribed", id=5)["channels"], 6)
        told = {}
        while len(told) < 6:
            message = client.wait_for(type="snapshot", id=5, n=1)
            told[message["table"]] = message
        book = self.server.json(f"/v1/books/{symbol}?levels=7")
        self.assertEqual((told["book"]["bids"], told["book"]["asks"]), (book["bids"], book["asks"]))
        self.assertEqual((told["bbo"]["bid"], told["bbo"]["ask_size"]), (book["bids"][0][0], book["asks"][0][1]))
        self.assertEqual(told["trades"]["trades"], self.server.json(f"/v1/trades/{symbol}")["trades"])
        self.assertEqual(told["bars"]["bars"], self.server.json(f"/v1/bars/{symbol}")["bars"])
        self.assertEqual(told["overview"]["order"][0], symbol)
        self.assertIsNone(told["status"]["status"]["pipeline"])
        beat = client.wait_for(type="heartbeat")
        self.assertEqual((beat["state"], beat["session_ended"], beat["feed_state"]), ("live", True, "none"))
        client.ask(op="ping", id=17)
        client.wait_for(type="pong", id=17)
        client.ask(op="unsubscribe", id=5)
        client.wait_for(type="unsubscribed", id=5)

    def test_bytes_say_what_json_says(self):
        symbols = [row[0] for row in self.server.json("/v1/symbols?limit=20")["symbols"]]
        client = WebSocket(self.server.address)
        self.addCleanup(client.close)
        tables = ["book", "bbo", "trades", "bars"]
        told = {}
        for number, form in enumerate(("json", "binary")):
            client.ask(op="subscribe", id=number, tables=tables, symbols=symbols, depth=50, format=form)
        while len(told) < 2 * len(symbols) * len(tables):
            message = client.wait_for(type="snapshot")
            told[message.pop("id"), message["table"], message["symbol"]] = message
        for (number, *channel), message in told.items():
            if number == 0:
                self.assertEqual(told[1, *channel], message)
        client.ask(op="subscribe", id=3, tables=["book"], symbols=symbols, format="xml")
        self.assertIn("json or binary", client.wait_for(type="error", id=3)["message"])

    def assert_closed(self, client, code):
        with self.assertRaises(Closed) as closed:
            while True:
                client.text()
        self.assertEqual(closed.exception.code, code, closed.exception)
        client.close()

    def test_hostile_clients_are_closed_with_the_code_that_says_why(self):
        client = WebSocket(self.server.address)
        client.send_frame(BINARY, b"\x00\x01")
        self.assert_closed(client, 1003)
        client = WebSocket(self.server.address)
        client.send_frame(TEXT, b"this is no JSON")
        self.assert_closed(client, 1007)
        client = WebSocket(self.server.address)
        client.send_frame(TEXT, b'{"op":"\xff\xfe"}')
        self.assert_closed(client, 1007)
        client = WebSocket(self.server.address)
        client.send_frame(TEXT, b"{" + b" " * 20_000)
        self.assert_closed(client, 1009)
        client = WebSocket(self.server.address)
        client.send_frame(TEXT, b"{}", masked=False)
        self.assert_closed(client, 1002)
        client = WebSocket(self.server.address)
        for _ in range(300):
            client.ask(op="ping", id=1)
        self.assert_closed(client, 1008)
        client = WebSocket(self.server.address)
        client.ask(op="subscribe", id=3, tables=["nonsense"])
        self.assertIn("tables", client.wait_for(type="error")["message"])
        client.close()
        self.assertEqual(self.server.get("/healthz")[0], 200)

    def test_frames_that_no_protocol_allows_are_closed_with_their_code(self):
        client = WebSocket(self.server.address)
        for data, code, what in (
                (b"\xc1\x80abcd", 1002, "a reserved bit"),
                (b"\x83\x80abcd", 1002, "an opcode that is none"),
                (b"\x80\x80abcd", 1002, "a continuation of nothing"),
                (b"\x09\x80abcd", 1002, "a ping in pieces"),
                (b"\x89\xfe\x01\x00abcd" + b"x" * 256, 1002, "a ping of 256 bytes"),
                (b"\x01\x81abcda\x81\x81abcdb", 1002, "a text within a text"),
                (b"\x81\xfe\x00\x01abcdx", 1002, "a length longer than it need be"),
                (b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"abcd", 1009, "a text of eight exabytes"),
                (b"\x88\x81abcd" + b"\x00", 1002, "a close with half a code"),
                (b"\x88\x82abcd" + bytes((0x03 ^ 0x61, 0xed ^ 0x62)), 1002, "a close with a code that nobody may send")):
            with self.subTest(what=what):
                client = WebSocket(self.server.address)
                client.socket.sendall(data)
                self.assert_closed(client, code)
        # A message that is too big is so in small pieces, too.
        client = WebSocket(self.server.address)
        try:
            for _ in range(40):
                client.send_frame(TEXT if _ == 0 else 0, b"[" * 1_000, final=False)
        except ConnectionError:
            pass  # It may be closed before the last piece.
        self.assert_closed(client, 1009)

    def test_a_handshake_that_is_none_is_refused(self):
        host, port = self.server.address.rsplit(":", 1)
        head = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        for lines in ("", "Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n"):
            with self.subTest(lines=lines), socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall((head + lines + "\r\n").encode())
                self.assertRegex(connection.recv(4096), rb"^HTTP/1.1 4\d\d ")

    def test_requests_that_cannot_be_meant_are_told_and_the_connection_stays(self):
        client = WebSocket(self.server.address)
        self.addCleanup(client.close)
        symbols = [f"X{number}" for number in range(257)]
        deep = "[" * 5_000 + "]" * 5_000
        for request in ({"op": "subscribe", "id": 1}, {"op": "subscribe", "id": -1, "tables": ["bbo"]},
                        {"op": "subscribe", "id": 1e30, "tables": ["bbo"], "symbols": ["A"]},
                        {"op": "subscribe", "id": 1, "tables": ["bbo"], "symbols": symbols},
                        {"op": "subscribe", "id": 1, "tables": ["bbo"], "symbols": ["TOOLONGNAME"]},
                        {"op": "subscribe", "id": 1, "tables": ["bbo"], "symbols": ["A"], "depth": 10**18},
                        {"op": "subscribe", "id": 1, "tables": ["bbo"], "symbols": ["A"], "interval_ms": 0},
                        {"op": "subscribe", "id": 1, "tables": {"bbo": 1}, "symbols": ["A"]},
                        {"op": 7}, {"op": "drop tables", "id": 1}, [], "text", 5, None):
            with self.subTest(request=str(request)[:60]):
                client.send_frame(TEXT, json.dumps(request).encode())
                self.assertGreater(len(client.wait_for(type="error")["message"]), 10)
        client.send_frame(TEXT, deep.encode())
        client.wait_for(type="error")
        client.ask(op="ping", id=5)
        client.wait_for(type="pong", id=5)

    def test_a_flood_of_subscriptions_has_a_bound(self):
        before = self.resident()
        client = WebSocket(self.server.address)
        symbols = [f"Q{number}" for number in range(256)]
        for number in range(60):  # Within the rate: each is a valid request of 512 channels.
            client.ask(op="subscribe", id=number, tables=["book", "trades"], symbols=symbols)
        answers = [client.wait_for(id=number)["type"] for number in range(60)]
        self.assertEqual(collections.Counter(answers), {"subscribed": 1, "error": 59})
        self.assertLess(self.resident() - before, 8 << 20)
        for _ in range(300):
            client.ask(op="subscribe", id=1, tables=["book"], symbols=symbols)
        self.assert_closed(client, 1008)

    def test_a_flood_of_pings_that_reads_no_pongs_has_a_bound(self):
        before = self.resident()
        client = WebSocket(self.server.address, receive_buffer=4096)
        client.socket.settimeout(0.5)
        ping = b"\x89\xfdabcd" + b"x" * 125
        try:
            for _ in range(2_000):
                client.socket.sendall(ping * 100)
        except OSError:
            pass  # The server reads no more until its answers are taken.
        self.assertLess(self.resident() - before, 8 << 20)
        self.assertEqual(self.server.get("/healthz")[0], 200)
        client.close()

    def test_requests_whose_answers_nobody_reads_have_a_bound(self):
        host, port = self.server.address.rsplit(":", 1)
        before = self.resident()
        with socket.create_connection((host, int(port))) as connection:
            connection.settimeout(0.5)
            try:
                for _ in range(2_000):
                    connection.sendall(b"GET /v1/symbols HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            except OSError:
                pass
            self.assertLess(self.resident() - before, 8 << 20)
            self.assertEqual(self.server.get("/healthz")[0], 200)

    def resident(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) << 10

    def test_broken_http_does_no_harm(self):
        host, port = self.server.address.rsplit(":", 1)
        for request in (b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 20_000,
                        b"GET " + b"/" * 9_000 + b" HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"):
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                try:
                    connection.sendall(request)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
                except ConnectionError:
                    pass  # It was cut off: that is an answer, too.
                except OSError as error:
                    self.assertNotIsInstance(error, TimeoutError)
        # Many requests on one connection, and many connections.
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        for _ in range(50):
            connection.request("GET", "/healthz")
            self.assertEqual(connection.getresponse().read(), b"ok\n")
        connection.close()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            symbol = self.busiest()
            paths = [f"/v1/books/{symbol}?at=1{hour}:{minute:02}" for hour in range(5) for minute in range(0, 60, 10)]
            answers = list(pool.map(lambda path: self.server.get(path)[0], paths))
        self.assertEqual(set(answers), {200})

    def test_zz_who_does_not_finish_a_request_is_cut_off(self):
        self.loris.settimeout(15)
        self.assertEqual(self.loris.recv(4096), b"")
        self.assertLess(time.monotonic() - self.loris_since, 25)


class CrowdTest(harness.TestCase):
    def test_one_connection_too_many_is_told_so_and_room_comes_back(self):
        server = Server(self.folder, "serve.max_clients=3")
        self.addCleanup(server.stop)
        clients = [WebSocket(server.address) for _ in range(3)]
        one_more = WebSocket(server.address)
        self.assertEqual(one_more.status, 503)
        one_more.close()
        clients.pop().close()
        end = time.monotonic() + 10
        while (again := WebSocket(server.address)).status != 101:
            again.close()
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        for client in (again, *clients):
            self.addCleanup(client.close)
            client.wait_for(type="hello")


class LiveFeedTest(harness.TestCase):
    """A log that grows while it is served."""

    def serve(self, *settings, port=0):
        server = Server(self.folder, *settings, port=port)
        self.addCleanup(server.stop)
        return server

    def feed(self, *arguments):
        command = [str(harness.BINARY), "log", "import", "day.itch", *map(str, arguments)]
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_subscriber_has_the_book_without_a_gap(self):
        server = self.serve()
        self.assertEqual(server.get("/readyz")[0], 503)
        self.assertEqual(server.json("/v1/symbols")["symbols"], [])
        self.tapeline("generate", "day.itch", "--messages", 200_000, "--symbols", 20)
        feed = self.feed("--rate", 60_000)
        server.wait_until_live(1000)
        symbols = [row[0] for row in server.json("/v1/symbols?limit=3")["symbols"]]
        fast = WebSocket(server.address)
        slow = WebSocket(server.address, receive_buffer=4096)
        for client in (fast, slow):
            self.addCleanup(client.close)
            client.ask(op="subscribe", id=1, tables=["book"], symbols=symbols, depth=100, interval_ms=10,
                       format="binary" if client is fast else "json")
        everything = [row[0] for row in server.json("/v1/symbols")["symbols"]]
        slow.ask(op="subscribe", id=2, tables=["book", "trades"], symbols=everything, depth=100, interval_ms=10)
        books = {symbol: Book() for symbol in symbols}
        heard = 0
        sequences = []
        while True:
            message = fast.message()
            if message["type"] == "heartbeat" and message["session_ended"]:
                break
            if message.get("table") == "book":
                books[message["symbol"]].take(message)
                sequences.append(message["sequence"])
                heard += 1
        self.assertEqual(feed.wait(timeout=10), 0)
        self.assertEqual(sequences, sorted(sequences))
        self.assertGreater(heard, 200)
        # The last changes may still be under way.
        fast.ask(op="ping", id=99)
        while (message := fast.message())["type"] != "pong":
            if message.get("table") == "book":
                books[message["symbol"]].take(message)
        for symbol, book in books.items():
            now = server.json(f"/v1/books/{symbol}?levels=100")
            self.assertEqual((book.levels("bids"), book.levels("asks")), (now["bids"], now["asks"]), symbol)
        # The slow client has read nothing so far. What it gets at last is of now.
        slow_books = {symbol: Book() for symbol in symbols}
        lagged = False
        while any(slow_books[symbol].levels(side) != books[symbol].levels(side) for symbol in symbols
                  for side in ("bids", "asks")):
            message = slow.message()
            lagged = lagged or message["type"] == "lag"
            if message.get("table") == "book" and message["id"] == 1:
                slow_books[message["symbol"]].take(message)
        self.assertTrue(lagged, "a client that read nothing for seconds is told so")
        self.assertLess(sum(book.next for book in slow_books.values()), heard / 2)
        self.assertEqual(server.stop(), 0)

    def test_a_restarted_server_serves_the_same(self):
        make_day(self)
        server = self.serve()
        server.wait_until_live(MESSAGES)
        symbol = server.json("/v1/symbols?limit=1")["symbols"][0][0]
        paths = (f"/v1/books/{symbol}", f"/v1/books/{symbol}?at=11:00", f"/v1/bars/{symbol}", f"/v1/trades/{symbol}",
                 "/v1/symbols")
        before = [server.json(path) for path in paths]
        client = WebSocket(server.address)
        client.wait_for(type="hello")
        port = int(server.address.rsplit(":", 1)[1])
        self.assertEqual(server.stop(), 0)
        with self.assertRaises(Closed) as closed:
            while True:
                client.text()
        self.assertEqual(closed.exception.code, 1001)
        client.close()
        again = self.serve(port=port)
        again.wait_until_live(MESSAGES)
        self.assertEqual([again.json(path) for path in paths], before)

    def test_a_second_session_takes_over(self):
        self.tapeline("generate", "day.itch", "--messages", 20_000, "--symbols", 10)
        self.tapeline("log", "import", "day.itch", "--session", "MONDAY")
        server = self.serve()
        server.wait_until_live(20_000)
        symbol = server.json("/v1/symbols?limit=1")["symbols"][0][0]
        client = WebSocket(server.address)
        self.addCleanup(client.close)
        client.ask(op="subscribe", id=1, tables=["book"], symbols=[symbol])
        self.assertEqual(client.wait_for(table="book")["session"], "MONDAY")
        self.tapeline("log", "import", "day.itch", "--session", "TUESDAY")
        while (message := client.wait_for(table="book"))["session"] != "TUESDAY":
            pass
        self.assertEqual(message["type"], "snapshot")
        self.assertEqual(server.json(f"/v1/books/{symbol}?sequence=10000")["session"], "TUESDAY")

    def test_a_damaged_log_is_never_served_as_fresh(self):
        self.tapeline("generate", "day.itch", "--messages", 400_000, "--symbols", 10)
        self.tapeline("log", "import", "day.itch")
        segment = next((self.folder / "tapeline-data/journal/feed/0").glob("*.log"))
        data = bytearray(segment.read_bytes())
        data[len(data) // 4] ^= 0xFF
        segment.write_bytes(data)
        server = self.serve()
        end = time.monotonic() + 10
        while server.json("/v1/status")["serve"]["state"] != "failed" and time.monotonic() < end:
            time.sleep(0.02)
        status, _, text = server.get("/readyz")
        self.assertEqual(status, 503)
        self.assertRegex(text, "^failed: .+")
        for row in server.json("/v1/symbols")["symbols"]:
            self.assertIn("stale", row[-1])

    def test_mistakes_are_told(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            done = self.tapeline("serve", "--set", f"serve.port={taken.getsockname()[1]}", exit_code=4)
            self.assertIn("taken by another program", done.stderr)
        self.assertIn("serve.address", self.tapeline("serve", "--set", "serve.address=nowhere", exit_code=2).stderr)

    def test_a_day_is_imported_at_its_own_pace(self):
        self.tapeline("generate", "day.itch", "--messages", 50_000, "--symbols", 10)
        feed = self.feed("--from", "10:00", "--speed", 1)
        server = self.serve()
        server.wait_until_live(1000)
        began = time.monotonic()
        times = set()
        while len(times) < 3:
            self.assertLess(time.monotonic() - began, 20)
            time.sleep(0.05)
            times.add(server.json("/v1/status")["serve"]["time_ns"])
        self.assertGreater(max(times), 36_000_000_000_000)
        self.assertLess(max(times), 36_060_000_000_000)
        feed.send_signal(signal.SIGINT)
        self.assertEqual(feed.wait(timeout=10), 130)


if __name__ == "__main__":
    harness.main()
