#!/usr/bin/env python3
"""Draws docs/images/page-*.png anew: the page for traders over a generated day, as a real browser shows it.

  scripts/draw_page.py              needs build/release/tapeline, chromium and chromium-driver

The day goes on at its own pace while the pictures are taken, so they differ from run to run.
"""

import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import browser  # noqa: E402

BINARY = os.environ.get("TAPELINE_BINARY") or str(ROOT / "build/release/tapeline")
IMAGES = ROOT / "docs/images"
WIDTH, HEIGHT = 1280, 800


def smaller(path):
    """Writes a PNG of 8-bit RGB or RGBA again, without its alpha and compressed as well as it goes."""
    data = path.read_bytes()
    at, chunks = 8, []
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        chunks.append((data[at + 4:at + 8], data[at + 8:at + 8 + length]))
        at += 12 + length
    width, height, _, color = struct.unpack(">IIBB", chunks[0][1][:10])
    samples = 4 if color == 6 else 3
    raw = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    before, lines, stride = bytearray(width * samples), [], width * samples
    for row in range(height):
        begin = row * (stride + 1)
        line = unfiltered(raw[begin], bytearray(raw[begin + 1:begin + 1 + stride]), before, samples)
        before = line
        lines.append(b"\0" + b"".join(line[i:i + 3] for i in range(0, stride, samples)))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9)
    body = packer.compress(b"".join(lines)) + packer.flush()
    chunk = lambda kind, content: (struct.pack(">I", len(content)) + kind + content
                                   + struct.pack(">I", zlib.crc32(kind + content)))
    path.write_bytes(data[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def unfiltered(kind, line, above, samples):
    """One line of a PNG as it is, by section 9 of its specification."""
    for i, value in enumerate(line):
        left = line[i - samples] if i >= samples else 0
        corner = above[i - samples] if i >= samples else 0
        if kind == 1:
            value += left
        elif kind == 2:
            value += above[i]
        elif kind == 3:
            value += (left + above[i]) // 2
        elif kind == 4:
            guess = left + above[i] - corner
            near = sorted((abs(guess - one), place) for place, one in enumerate((left, above[i], corner)))
            value += (left, above[i], corner)[near[0][1]]
        line[i] = value & 255
    return line


def draw(address):
    window = browser.Browser(WIDTH, HEIGHT)
    try:
        window.open(f"http://{address}/healthz")
        window.run("localStorage.setItem('theme', 'dark')")
        window.open(f"http://{address}/")
        window.wait_for("return document.querySelectorAll('.overview tbody tr').length > 20")
        time.sleep(4)
        window.screenshot(IMAGES / "page-overview.png")
        window.run("document.querySelectorAll('.overview tbody tr')[0].click()")
        window.wait_for("return document.querySelectorAll('.bids .price').length > 5")
        time.sleep(30)
        window.screenshot(IMAGES / "page-symbol.png")
        window.keys("t")
        window.run("const clock = document.querySelector('.scrubber .clock'); clock.focus(); clock.value = '10:02:30';"
                   "clock.dispatchEvent(new Event('change'))")
        window.wait_for("return document.querySelector('.scrubber').dataset.mode === 'paused'")
        time.sleep(2)
        window.screenshot(IMAGES / "page-rewind.png")
    finally:
        window.close()


def draw_running(address):
    """The views that need a pipeline which computes: alerts, opened at one's evidence, and the pipeline itself."""
    window = browser.Browser(WIDTH, HEIGHT)
    try:
        window.open(f"http://{address}/healthz")
        window.run("localStorage.setItem('theme', 'dark')")
        window.open(f"http://{address}/#/alerts")
        window.wait_for("return document.querySelectorAll('.alerts tbody tr').length > 8", 120)
        window.run("const rows = [...document.querySelectorAll('.alerts tbody tr')];"
                   "(rows.find((row) => /layering/i.test(row.textContent)) ?? rows[0]).click()")
        window.wait_for("return document.querySelectorAll('.evidence .orders tbody tr').length > 0", 60)
        time.sleep(1)
        window.screenshot(IMAGES / "page-alerts.png")
        window.open(f"http://{address}/#/pipeline")
        window.wait_for("return document.querySelectorAll('.stage').length > 2")
        time.sleep(30)
        window.screenshot(IMAGES / "page-pipeline.png")
    finally:
        window.close()


def draw_from_log():
    with tempfile.TemporaryDirectory(prefix="tapeline-page-") as folder:
        subprocess.run([BINARY, "generate", "day.itch", "--messages", "4000000", "--symbols", "60", "--seed", "3"],
                       cwd=folder, check=True, stderr=subprocess.DEVNULL)
        feed = subprocess.Popen([BINARY, "log", "import", "day.itch", "--session", "20261130A", "--from", "10:29:20",
                                 "--speed", "1"], cwd=folder)
        serve = subprocess.Popen([BINARY, "serve", "--format", "json", "--set", "serve.port=0"], cwd=folder,
                                 stdout=subprocess.PIPE, text=True)
        try:
            address = json.loads(serve.stdout.readline())["address"]
            time.sleep(3)
            draw(address)
        finally:
            for process in (feed, serve):
                process.terminate()
                process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def draw_from_run():
    with tempfile.TemporaryDirectory(prefix="tapeline-page-") as folder:
        subprocess.run([BINARY, "generate", "day.itch", "--messages", "2000000", "--symbols", "60", "--seed", "3",
                        "--episodes", "all=12"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        exchange = subprocess.Popen([BINARY, "exchange", "day.itch", "--rate", "25000", "--no-restamp", "--format", "json"],
                                    cwd=folder, stdout=subprocess.PIPE, text=True)
        start = json.loads(exchange.stdout.readline())
        address = f"127.0.0.1:{free_port()}"
        run = subprocess.Popen(
            [BINARY, "run", "--set", f"feed.group_a={start['feed_a']}", "--set", f"feed.group_b={start['feed_b']}",
             "--set", f"feed.retransmission_servers={start['requests']}", "--set", f"feed.snapshot_server={start['glimpse']}",
             "--set", "feed.snapshot_user=page", "--set", "analytics.tables=bbo,trades,bars,alerts",
             "--set", f"serve.port={address.split(':')[1]}"], cwd=folder, stderr=subprocess.DEVNULL)
        try:
            time.sleep(3)
            draw_running(address)
        finally:
            for process in (run, exchange):
                process.terminate()
                process.wait()


def main():
    draw_from_log()
    draw_from_run()
    for path in IMAGES.glob("page-*.png"):
        smaller(path)


if __name__ == "__main__":
    main()
