"""`tapeline status`: asks a pipeline over its socket; here the test is the pipeline."""

import contextlib
import json
import socket
import threading

import harness

DOCUMENT = {"format": 1, "version": "9.9.9", "process": 4711,
            "stages": [{"name": "captured", "unit": "packets", "total": 1234567, "per_second": 89}],
            "feed": {"session": "S1", "state": "live"}}


class StatusCommandTest(harness.TestCase):
    @contextlib.contextmanager
    def pipeline(self, answer):
        """Answers each connection's first line with `answer`."""
        (self.folder / "data").mkdir()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.folder / "data/tapeline.sock"))
            listener.listen()
            asked = []

            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        with connection:
                            asked.append(connection.recv(256))
                            connection.sendall(answer)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            yield asked
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)

    def status(self, *arguments, exit_code=0):
        return self.tapeline("status", "--set", f"data.folder={self.folder}/data", *arguments, exit_code=exit_code)

    def test_where_nothing_runs_it_says_so(self):
        done = self.status(exit_code=3)
        self.assertEqual(done.stdout, "")
        self.assertIn("no pipeline runs here", done.stderr)

    def test_the_page_and_the_document(self):
        with self.pipeline(json.dumps(DOCUMENT).encode() + b"\n") as asked:
            page = self.status().stdout
            self.assertIn("tapeline 9.9.9  live  process 4711", page)
            self.assertIn("1,234,567 packets", page)
            document = json.loads(self.status("--format", "json").stdout)
            self.assertEqual(document["stages"][0]["total"], 1234567)
            self.assertEqual(document["workers"], [])
            self.assertEqual(set(asked), {b"status\n"})

    def test_an_answer_that_is_none(self):
        with self.pipeline(b"what?\n"):
            self.assertIn("no status", self.status(exit_code=5).stderr)


if __name__ == "__main__":
    harness.main()
