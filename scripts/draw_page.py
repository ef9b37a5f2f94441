#!/usr/bin/env python3
"""Draws docs/images/page-*.png anew: the page for traders over a generated day, as a real browser shows it.

  scripts/draw_page.py              needs build/release/tapeline, chromium and chromium-driver

The day goes on at its own pace while the pictures are taken, so they differ from run to run.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import browser  # noqa: E402

BINARY = os.environ.get("TAPELINE_BINARY") or str(ROOT / "build/release/tapeline")
IMAGES = ROOT / "docs/images"
WIDTH, HEIGHT = 1200, 760


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


def main():
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


if __name__ == "__main__":
    main()
