#!/usr/bin/env python3
"""Frames a second of the page on a busy symbol, in a real Chromium without a screen: one line of JSON.

    scripts/measure_page.py [SECONDS]

The feed is a generated one of a few symbols at 50,000 messages a second. `frames_per_second` counts animation frames,
`late_frames` those more than 25 ms behind the one before, and `main_thread_ms_per_frame` is the time for scripts, layout
and painting of the page's main thread, by Chromium's own account.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
import harness  # noqa: E402
from browser import Browser  # noqa: E402
from test_serve_command import Server  # noqa: E402

COUNT = """
  return new Promise((resolve) => {
    const times = [];
    const step = (now) => {
      times.push(now);
      if (now - times[0] < arguments[0] * 1000) requestAnimationFrame(step); else resolve(times);
    };
    requestAnimationFrame(step);
  });
"""


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    browser = Browser()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            subprocess.run([harness.BINARY, "generate", "day.itch", "--messages", "3000000", "--symbols", "5"],
                           cwd=folder, check=True, capture_output=True)
            server = Server(folder)
            feed = subprocess.Popen([harness.BINARY, "log", "import", "day.itch", "--rate", "50000"], cwd=folder,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                server.wait_until_live(50_000)
                symbol = server.json("/v1/symbols?limit=1")["symbols"][0][0]
                browser.open(f"http://{server.address}/#/symbol/{symbol}")
                browser.wait_for("return document.querySelectorAll('.bids .price').length > 5")
                time.sleep(2)
                before = browser.task_seconds()
                times = browser.run(COUNT, seconds)
                busy = browser.task_seconds() - before
            finally:
                feed.kill()
                feed.wait()
                server.stop()
    finally:
        browser.close()
    gaps = sorted(after - before for before, after in zip(times, times[1:]))
    print(json.dumps({
        "symbol": symbol, "seconds": round((times[-1] - times[0]) / 1000, 2), "frames": len(gaps),
        "frames_per_second": round(len(gaps) / (times[-1] - times[0]) * 1000, 1),
        "late_frames": sum(gap > 25 for gap in gaps), "p99_gap_ms": round(gaps[int(len(gaps) * 0.99)], 1),
        "longest_gap_ms": round(gaps[-1], 1), "main_thread_ms_per_frame": round(busy * 1000 / len(gaps), 2)}))


if __name__ == "__main__":
    main()
