"""A real Chromium for the tests of the page, driven over the WebDriver protocol by its chromedriver.

Where there is none (`apt-get install chromium chromium-driver`), or where it cannot start, the test is skipped with the
reason.
"""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Browser:
    """One window. Close it, also after a failure: it is a process."""

    def __init__(self, width=1440, height=900):
        driver = shutil.which("chromedriver")
        binary = shutil.which("chromium")
        if not driver or not binary:
            raise unittest.SkipTest("there is no chromium with its driver: apt-get install chromium chromium-driver")
        self._profile = tempfile.TemporaryDirectory(prefix="tapeline-browser-", ignore_cleanup_errors=True)
        port = free_port()
        self._base = f"http://127.0.0.1:{port}"
        self._driver = subprocess.Popen([driver, f"--port={port}", "--log-level=SEVERE"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        options = {"binary": binary,
                   "args": [*ARGUMENTS, f"--user-data-dir={self._profile.name}", f"--window-size={width},{height}"]}
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options,
                                                   "goog:loggingPrefs": {"browser": "ALL"}}}}
        try:
            self._wait_for_driver()
            self._session = self._call("POST", "/session", wanted, timeout=60)["sessionId"]
        except (OSError, urllib.error.URLError, RuntimeError) as error:
            self.close()
            raise unittest.SkipTest(f"chromium does not start here: {error}") from error
        # The window's own bars do not count.
        self.resize(width, height)

    def _wait_for_driver(self):
        for _ in range(100):
            try:
                self._call("GET", "/status")
                return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        raise OSError("its driver does not answer")

    def _call(self, method, path, body=None, timeout=30):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from error

    def _ask(self, method, path, body=None):
        return self._call(method, f"/session/{self._session}{path}", body)

    def resize(self, width, height):
        """The page's own area, whatever the window."""
        command = {"cmd": "Emulation.setDeviceMetricsOverride",
                   "params": {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}}
        self._ask("POST", "/goog/cdp/execute", command)

    def open(self, url):
        self._ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """What `script`, the body of a function, returns; a promise is waited for."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def keys(self, text):
        """Types into whatever has the focus."""
        actions = [action for key in text
                   for action in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def wait_for(self, script, seconds=15, what=None):
        """Waits until `script` returns something true, and returns it."""
        end = time.monotonic() + seconds
        while True:
            found = self.run(script)
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"{what or script} did not come true; the page shows:\n"
                                     f"{self.run('return document.body.innerText')[:3000]}")
            time.sleep(0.05)

    def errors(self):
        """What the page wrote to its console as errors."""
        entries = self._ask("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def task_seconds(self):
        """Time that the page's main thread has worked so far, scripts, layout and painting, by Chromium's account."""
        self._ask("POST", "/goog/cdp/execute", {"cmd": "Performance.enable", "params": {}})
        told = self._ask("POST", "/goog/cdp/execute", {"cmd": "Performance.getMetrics", "params": {}})
        return next(metric["value"] for metric in told["metrics"] if metric["name"] == "TaskDuration")

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._ask("GET", "/screenshot")))

    def close(self):
        if getattr(self, "_session", None):
            try:
                self._ask("DELETE", "")
            except (OSError, RuntimeError, urllib.error.URLError):
                pass
        self._driver.terminate()
        self._driver.wait(timeout=10)
        self._profile.cleanup()
