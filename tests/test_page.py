"""The page for traders in a real browser: it shows what the engine says, now and then, and never hides that it is cut off."""

import csv
import io
import json
import signal
import time

import harness
from browser import Browser
from test_serve_command import MESSAGES, Server, make_day

LADDER = """
  const rows = (side) => [...document.querySelectorAll(`.${side} .level`)].map((level) =>
    ["price", "size", "orders"].map((name) => level.querySelector(`.${name}`).textContent.replaceAll(",", "")))
    .filter((row) => row[0] !== "").map((row) => row.map(Number));
  return {bids: rows("bids"), asks: rows("asks").reverse(), quality: document.querySelector(".chip.quality").textContent,
          time: document.querySelector(".scrubber .clock").value};
"""


class PageTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.browser = Browser()
        self.addCleanup(self.browser.close)
        make_day(self)
        self.server = Server(self.folder)
        self.addCleanup(self.server.stop)
        self.server.wait_until_live(MESSAGES)

    def open_page(self, hash=""):
        self.browser.open(f"http://{self.server.address}/{hash}")

    def ladder_is(self, symbol, wanted, at=None):
        """Waits until the page shows the book, best levels first."""
        def levels(side):
            return [[level["price"], level["size"], level["orders"]] for level in wanted[side]]
        script = f"const found = (() => {{{LADDER}}})(); return JSON.stringify(found)"
        expected = {"bids": levels("bids"), "asks": levels("asks")}

        def matches():
            shown = json.loads(self.browser.run(script))
            return {side: shown[side][:len(expected[side])] for side in expected} == expected and (
                at is None or shown["time"].startswith(at)), shown
        end = time.monotonic() + 10
        while True:
            same, shown = matches()
            if same or time.monotonic() > end:
                break
            time.sleep(0.02)
        self.assertTrue(same, f"{symbol} at {at}: the page shows {shown}, the engine says {expected}")
        self.assertEqual(shown["quality"], f"book {wanted['quality']}")

    def engine_book(self, symbol, *more):
        return json.loads(self.tapeline("book", "day.itch", "--symbol", symbol, "--levels", 14, "--format", "json",
                                        *more).stdout)

    def test_the_page_shows_what_the_engine_says(self):
        self.open_page()
        rows = self.browser.wait_for("""
            const rows = [...document.querySelectorAll(".overview tbody tr")].map((row) =>
              [...row.children].map((cell) => cell.textContent.replaceAll("\\u2007", "").replaceAll(",", "")));
            return rows.length >= 60 && rows""", what="all symbols in the overview")
        wanted = {row["symbol"]: row for row in csv.DictReader(io.StringIO(
            self.tapeline("book", "day.itch", "--all", "--format", "csv").stdout))}
        self.assertEqual({row[0] for row in rows}, set(wanted))
        for row in rows:
            engine = wanted[row[0]]
            for place, name in ((3, "bid_size"), (4, "bid_price"), (5, "ask_price"), (6, "ask_size")):
                said = engine[name]
                if said and name.endswith("price"):
                    said = self.price(float(said))
                self.assertEqual(row[place], said or "–", row)
            self.assertEqual(row[13], engine["quality"])

        # By the keys alone: filter, choose, open.
        symbol = rows[3][0]
        self.browser.keys("/")
        self.browser.keys(symbol.lower())
        self.browser.wait_for(f"return document.querySelector('.overview tbody tr')?.dataset.symbol === '{symbol}'")
        self.browser.keys("\ue007")
        self.browser.wait_for("return document.querySelector('.symbol h1')?.textContent")
        self.ladder_is(symbol, self.engine_book(symbol))
        served = self.server.json(f"/v1/books/{symbol}?levels=14")
        shown = self.browser.run(LADDER)
        self.assertEqual((shown["bids"], shown["asks"]), (served["bids"], served["asks"]))

        # The past: typed, by the arrows, played on, and back.
        self.browser.run("const clock = document.querySelector('.scrubber .clock'); clock.focus(); clock.value = '11:30:00';"
                         "clock.dispatchEvent(new Event('change'))")
        self.ladder_is(symbol, self.engine_book(symbol, "--at", "11:30:00"), at="11:30:00.000")
        self.browser.keys("\ue012\ue012")
        self.ladder_is(symbol, self.engine_book(symbol, "--at", "11:29:58"), at="11:29:58.000")
        self.browser.run("document.querySelector('.scrubber button[title^=Speed]').click()")
        self.browser.keys(" ")
        self.browser.wait_for("return document.querySelector('.scrubber .clock').value >= '11:29:59.000'")
        self.browser.keys(" ")
        stopped = self.browser.wait_for("return document.querySelector('.scrubber').dataset.mode === 'paused' &&"
                                        " document.querySelector('.scrubber .clock').value")
        self.ladder_is(symbol, self.engine_book(symbol, "--at", stopped), at=stopped)
        self.browser.keys("l")
        self.ladder_is(symbol, self.engine_book(symbol))
        self.assertEqual(self.browser.errors(), [])

    @staticmethod
    def price(value):
        return f"{value:.2f}" if abs(value * 100 - round(value * 100)) < 1e-6 else f"{value:.4f}"

    def test_the_page_survives_a_restart_of_the_server(self):
        symbol = self.server.json("/v1/symbols?limit=1")["symbols"][0][0]
        self.open_page(f"#/symbol/{symbol}")
        engine = self.engine_book(symbol)
        self.ladder_is(symbol, engine)
        port = int(self.server.address.rsplit(":", 1)[1])
        self.server.stop(signal.SIGKILL)
        told = self.browser.wait_for("const lost = document.querySelector('.lost'); return !lost.hidden && lost.textContent")
        self.assertIn("not the market any more", told)
        self.assertEqual(self.browser.run("return document.querySelector('.chip.link').textContent"), "disconnected")
        self.server = Server(self.folder, port=port)
        self.addCleanup(self.server.stop)
        self.browser.wait_for("return document.querySelector('.lost').hidden", what="the page connects again")
        self.ladder_is(symbol, engine)

    def test_every_view_is_reached_by_keys_and_fits_a_phone(self):
        self.open_page()
        self.browser.wait_for("return document.querySelectorAll('.overview tbody tr').length > 5")
        self.browser.keys("?")
        self.browser.wait_for("return document.querySelector('dialog').open")
        self.browser.run("document.querySelector('dialog').close()")
        self.browser.keys("p")
        self.browser.wait_for("return document.querySelector('.pipeline .empty h2')?.textContent.includes('No pipeline')")
        before = self.browser.run("return document.documentElement.dataset.theme")
        self.browser.keys("t")
        self.assertNotEqual(self.browser.run("return document.documentElement.dataset.theme"), before)
        self.browser.keys("o")
        self.browser.wait_for("return document.querySelectorAll('.overview tbody tr').length > 5")
        self.browser.keys("j\ue007")
        self.browser.wait_for("return document.querySelectorAll('.bids .price').length > 5")
        self.browser.resize(390, 844)
        for key in "op":
            wide = self.browser.run("return document.documentElement.scrollWidth")
            self.assertLessEqual(wide, 390)
            self.browser.keys(key)
        self.assertEqual(self.browser.errors(), [])


if __name__ == "__main__":
    harness.main()
