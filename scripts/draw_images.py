#!/usr/bin/env python3
"""Draws docs/images/ from what the program says of a generated day.

  scripts/draw_images.py [book|query|chart …]      all by default

TAPELINE_BINARY names the program (build/release/tapeline by default). The day is made in build/images/.
"""

import csv
import html
import io
import os
import pathlib
import subprocess
import sys
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
TAPELINE = os.environ.get("TAPELINE_BINARY") or str(ROOT / "build/release/tapeline")
WORK = ROOT / "build/images"
IMAGES = ROOT / "docs/images"
FEED = ["--messages", "1000000", "--symbols", "50", "--seed", "1"]
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
INK, FAINT, PAPER, UP, DOWN, MID = "#d6deeb", "#5f7e97", "#011627", "#22da6e", "#ef5350", "#82aaff"


def say(*arguments):
    """What the program writes to standard output."""
    return subprocess.run([TAPELINE, *map(str, arguments)], capture_output=True, text=True, check=True, cwd=WORK).stdout


def rows(sql, data):
    return list(csv.DictReader(io.StringIO(say("query", sql, "--data", data, "--format", "csv"))))


def prepare():
    """Makes the day and its tables once; returns the symbol whose best prices changed most often."""
    WORK.mkdir(parents=True, exist_ok=True)
    if not (WORK / "day.itch").exists():
        say("generate", "day.itch", *FEED)
    say("replay", "day.itch", "--output", "tables", "--bar", "5m")
    return rows("SELECT symbol FROM bbo GROUP BY ALL ORDER BY count(*) DESC, symbol LIMIT 1", "tables")[0]["symbol"]


def colour_of(line):
    text = line.strip()
    if text.startswith("$"):
        return MID
    if text.startswith("ask"):
        return DOWN
    if text.startswith("bid"):
        return UP
    return INK if any(character.isalnum() for character in text) else FAINT


def terminal(name, command, text):
    """A terminal that shows a command and what it wrote."""
    lines = [*f"$ tapeline {command}".split("\n"), "", *text.rstrip("\n").split("\n")]
    width = max(sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in line) for line in lines)
    cell, height, edge = 8.4, 18, 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * cell + 2 * edge:.0f}" '
           f'height="{len(lines) * height + 2 * edge}" font-family="{FONT}" font-size="14" xml:space="preserve">',
           f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>']
    for number, line in enumerate(lines):
        if line.strip():
            # The length keeps columns in line whatever font the reader has.
            out.append(f'<text x="{edge}" y="{edge + 14 + number * height}" fill="{colour_of(line)}" '
                       f'textLength="{len(line) * cell:.1f}" lengthAdjust="spacingAndGlyphs" '
                       f'style="white-space:pre">{html.escape(line)}</text>')
    write(name, out)


def write(name, out):
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / f"{name}.svg").write_text("\n".join([*out, "</svg>", ""]), encoding="utf-8")


def draw_book(symbol):
    arguments = ["book", "day.itch", "--symbol", symbol, "--at", "10:30"]
    terminal("book", " ".join(arguments), say(*arguments))


def draw_query(_):
    sql = """SELECT symbol, count(*) AS trades, sum(size) AS shares,
    round(sum(price * size) / sum(size), 4) AS vwap, count(*) FILTER (aggressor = 'B') AS bought
  FROM trades WHERE kind = 'displayed' AND printable = 'Y'
  GROUP BY ALL ORDER BY trades DESC LIMIT 8"""
    terminal("query", f'query "{sql}" --data tables', say("query", sql, "--data", "tables", "--format", "table"))


class Scale:
    """Values to pixels."""

    def __init__(self, low, high, start, end):
        self.low, self.factor, self.start = low, (end - start) / (high - low), start

    def __call__(self, value):
        return self.start + (value - self.low) * self.factor


def draw_chart(symbol):
    """Bars of 5 minutes, the best bid and ask at each minute, and the volume taken by buyers and sellers."""
    wanted = f"symbol = '{symbol}' AND start >= '1970-01-01 09:30:00' AND start < '1970-01-01 16:00:00'"
    bars = rows(f"SELECT epoch(start) / 60 AS minute, * FROM bars WHERE {wanted} ORDER BY start", "tables")
    quotes = rows("SELECT epoch_ns(time) // 60000000000 + 1 AS minute, arg_max(bid_price, sequence) AS bid, "
                  f"arg_max(ask_price, sequence) AS ask FROM bbo WHERE symbol = '{symbol}' AND bid_price > 0 "
                  "AND ask_price > 0 AND time >= '1970-01-01 09:30:00' AND time < '1970-01-01 16:00:00' "
                  "GROUP BY ALL ORDER BY minute", "tables")
    width, left, right, top, middle, bottom = 940, 64, 20, 56, 320, 430
    low = min([float(bar["low"]) for bar in bars] + [float(quote["bid"]) for quote in quotes])
    high = max([float(bar["high"]) for bar in bars] + [float(quote["ask"]) for quote in quotes])
    x, y = Scale(570, 960, left, width - right), Scale(low, high, middle, top)
    most = max(max(int(bar["buy_volume"]), int(bar["sell_volume"])) for bar in bars)
    volume = Scale(0, most, 0, (bottom - middle - 24) / 2)
    base = (middle + 24 + bottom) / 2
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 36}" font-family="{FONT}" '
           f'font-size="12" fill="{INK}">', f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
           f'<text x="{left}" y="26" font-size="14">{symbol}: bars of 5 minutes, best bid and ask, volume taken by '
           f'<tspan fill="{UP}">buyers</tspan> and <tspan fill="{DOWN}">sellers</tspan></text>']
    for step in range(5):
        price = low + (high - low) * step / 4
        out.append(f'<path d="M{left} {y(price):.1f}H{width - right}" stroke="{FAINT}" stroke-opacity=".3"/>'
                   f'<text x="{left - 8}" y="{y(price) + 4:.1f}" text-anchor="end">{price:.2f}</text>')
    for hour in range(10, 17):
        out.append(f'<text x="{x(hour * 60):.1f}" y="{bottom + 22}" text-anchor="middle">{hour}:00</text>')
    # The quoted band: along the asks, back along the bids.
    forth = [f'{x(int(quote["minute"])):.1f},{y(float(quote["ask"])):.1f}' for quote in quotes]
    back = [f'{x(int(quote["minute"])):.1f},{y(float(quote["bid"])):.1f}' for quote in reversed(quotes)]
    out.append(f'<polygon points="{" ".join(forth + back)}" fill="{MID}" fill-opacity=".35" stroke="{MID}" '
               'stroke-width=".7"/>')
    for bar in bars:
        at = x(float(bar["minute"]) + 2.5)
        first, last = y(float(bar["open"])), y(float(bar["close"]))
        colour = UP if last <= first else DOWN
        out.append(f'<path d="M{at:.1f} {y(float(bar["high"])):.1f}V{y(float(bar["low"])):.1f}" stroke="{colour}"/>'
                   f'<rect x="{at - 3:.1f}" y="{min(first, last):.1f}" width="6" height="{max(abs(last - first), 1):.1f}" '
                   f'fill="{colour}"/>')
        for amount, colour, sign in ((bar["buy_volume"], UP, 1), (bar["sell_volume"], DOWN, 0)):
            tall = volume(int(amount))
            out.append(f'<rect x="{at - 3:.1f}" y="{base - tall * sign:.1f}" width="6" height="{tall:.1f}" '
                       f'fill="{colour}" fill-opacity=".8"/>')
    out.append(f'<text x="{left - 8}" y="{base + 4:.1f}" text-anchor="end">{most:,}</text>')
    write("chart", out)


def main():
    drawings = {"book": draw_book, "query": draw_query, "chart": draw_chart}
    wanted = sys.argv[1:] or list(drawings)
    if unknown := set(wanted) - set(drawings):
        sys.exit(f"there is no image {', '.join(unknown)}; choose of {', '.join(drawings)}")
    symbol = prepare()
    for name in wanted:
        drawings[name](symbol)


if __name__ == "__main__":
    main()
