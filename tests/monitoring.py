"""Prometheus and Alertmanager as they are, and receivers of alerts, for the end-to-end tests.

Both are Debian's. Where they are not installed, their packages are fetched and unpacked into the build folder; nothing is
installed and no service started. Where they cannot be fetched, the test is skipped with the reason.
"""

import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import harness
from live import free_port, socket

PACKAGE_OF = {"prometheus": "prometheus", "promtool": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager",
              "amtool": "prometheus-alertmanager"}


def tool(name):
    """The path of a program of Prometheus or Alertmanager."""
    found = shutil.which(name)
    if found:
        return pathlib.Path(found)
    folder = harness.SOURCE_DIR / "build/test_tools" / PACKAGE_OF[name]
    path = folder / "usr/bin" / name
    if not path.exists():
        if not shutil.which("apt-get") or not shutil.which("dpkg"):
            raise unittest.SkipTest(f"{name} is not installed, and there is no apt-get to fetch it with")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["apt-get", "-q", "download", PACKAGE_OF[name]], cwd=folder, capture_output=True, text=True,
                              timeout=120, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest(f"{name} is not installed and its package cannot be fetched: {done.stderr[-300:]}")
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True, timeout=120)
            package.unlink()
    return path


def in_place(path):
    """The beginning of a command that runs an unpacked program as if it were installed: Debian's Alertmanager looks for its
    templates in /usr/share, which in a mount namespace of its own is that of the package."""
    share = path.parent.parent / "share"
    if path.name != "prometheus-alertmanager" or path.is_relative_to("/usr/bin"):
        return [str(path)]
    script = f'mount --rbind "{share}" /usr/share && exec "{path}" "$@"'
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", script, "sh"]
    tried = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode != 0:
        raise unittest.SkipTest(f"{path.name} is not installed and does not run unpacked: {tried.stderr[-300:]}")
    return command


def wait_until(condition, seconds=30, what="it"):
    """What `condition` returns once that is true; errors on the way are not yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = condition()
            last = found
        except (OSError, urllib.error.URLError) as error:
            found, last = None, error
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {seconds} s; last: {last}")
        time.sleep(0.05)


class Service:
    """A server on a free port of the loopback, its files in `folder`. Stop it, also after a failure."""

    def __init__(self, name, folder, arguments):
        self.port = free_port(socket.SOCK_STREAM)
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = open(folder / f"{name}.log", "wb")
        command = [*in_place(tool(name)), f"--web.listen-address=127.0.0.1:{self.port}", *arguments]
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        try:
            wait_until(self._is_ready, what=f"{name} to be ready")
        except BaseException:
            self.stop()
            raise

    def _is_ready(self):
        if self._process.poll() is not None:
            raise AssertionError(pathlib.Path(self._log.name).read_text()[-2000:])
        return self.get("/-/ready", text=True)

    def get(self, path, text=False):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, timeout=10) as response:
            return response.read().decode() if text else json.load(response)

    def stop(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()


class Prometheus(Service):
    def __init__(self, folder, config):
        super().__init__("prometheus", folder, [f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"])

    def query(self, expression):
        """The samples of an instant query, each with `metric` and `value`."""
        answer = self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        return answer["data"]["result"]


class Alertmanager(Service):
    def __init__(self, folder, config):
        super().__init__("prometheus-alertmanager", folder,
                         [f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}",
                          "--cluster.listen-address="])

    def alerts(self):
        return self.get("/api/v2/alerts")


class Receiver:
    """An HTTP server that keeps what is posted to it, as (path, headers, document)."""

    def __init__(self, port=0, status=200, certificate=None):
        self.posts = []
        self.answers = []   # Statuses of the next answers; then `status`.
        self.hold = None    # An event: answers wait for it.
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.hold:
                    receiver.hold.wait(60)
                code = receiver.answers.pop(0) if receiver.answers else status
                receiver.posts.append((self.path, dict(self.headers), json.loads(body), code))
                self.send_response(code)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                """Nothing: what came is in posts."""

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A client that goes away is no matter."""

        self._server = Server(("127.0.0.1", port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def taken(self):
        """The documents that were answered with success."""
        return [document for _, _, document, code in self.posts if code < 300]

    def stop(self):
        if self.hold:
            self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
