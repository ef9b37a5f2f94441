"""tapeline exchange: what it plays arrives over multicast on loopback, is sent again on request, and ends in order."""

import json
import signal
import socket
import struct
import subprocess
import time
import unittest

import harness

HEADER = struct.Struct(">10sQH")
END_OF_SESSION = 0xFFFF


def address_of(text):
    address, port = text.rsplit(":", 1)
    return address, int(port)


def receiver_of(feed):
    """A socket that receives what is sent to a group on lo."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    receiver.bind(feed)
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        struct.pack("4s4si", socket.inet_aton(feed[0]), bytes(4), socket.if_nametoindex("lo")))
    receiver.settimeout(10)
    return receiver


def messages_of(datagram):
    """(first sequence, count as stated, messages)."""
    _, sequence, count = HEADER.unpack_from(datagram)
    messages = []
    at = HEADER.size
    while at < len(datagram):
        length = int.from_bytes(datagram[at:at + 2], "big")
        messages.append(datagram[at + 2:at + 2 + length])
        at += 2 + length
    return sequence, count, messages


def file_messages(path):
    data = path.read_bytes()
    messages = []
    at = 0
    while at + 2 <= len(data):
        length = int.from_bytes(data[at:at + 2], "big")
        if length == 0:
            break
        messages.append(data[at + 2:at + 2 + length])
        at += 2 + length
    return messages


class ExchangeTest(harness.TestCase):
    def start(self, *arguments):
        """Starts an exchange; returns it and its first line."""
        command = [str(harness.BINARY), "exchange", "--format", "json", *map(str, arguments)]
        exchange = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(exchange.stdout.close)
        self.addCleanup(exchange.stderr.close)
        self.addCleanup(exchange.wait)
        self.addCleanup(exchange.kill)
        line = exchange.stdout.readline()
        if not line:
            error = exchange.stderr.read()
            if "multicast" in error or "cannot join" in error:
                raise unittest.SkipTest(f"no multicast on lo here: {error.strip()}")
            self.fail(error)
        return exchange, json.loads(line)

    def finish(self, exchange):
        """Waits for a clean end; returns the last line."""
        self.assertEqual(exchange.wait(timeout=20), 0)
        return json.loads(exchange.stdout.read())

    def test_a_file_arrives_on_both_feeds_and_is_sent_again(self):
        day = self.folder / "day.itch"
        self.tapeline("generate", day, "--messages", 5000, "--symbols", 50)
        wanted = file_messages(day)
        exchange, start = self.start(day, "--rate", 20000, "--linger-ms", 20000)
        feeds = [receiver_of(address_of(start[name])) for name in ("feed_a", "feed_b")]
        received = [{}, {}]
        for feed, messages in zip(feeds, received):
            while True:
                sequence, count, found = messages_of(feed.recv(2048))
                if count == END_OF_SESSION:
                    self.assertEqual(sequence, len(wanted) + 1)
                    break
                self.assertEqual(count, len(found))
                messages.update(enumerate(found, sequence))
            feed.close()
        for messages in received:
            self.assertEqual(messages, {number: wanted[number - 1] for number in messages})

        # However late the test joined, what it missed is sent again.
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asker.settimeout(10)
        asker.sendto(b"nonsense", address_of(start["requests"]))
        replies = {}
        while len(replies) < len(wanted):
            first = len(replies) + 1
            request = HEADER.pack(start["session"].encode().ljust(10), first, 1000)
            asker.sendto(request, address_of(start["requests"]))
            sequence, count, found = messages_of(asker.recv(2048))
            self.assertEqual(sequence, first)
            self.assertEqual(count, len(found))
            self.assertGreater(count, 0)
            replies.update(enumerate(found, sequence))
        asker.close()
        self.assertEqual([replies[number] for number in sorted(replies)], wanted)

        exchange.send_signal(signal.SIGTERM)
        end = self.finish(exchange)
        self.assertEqual(end["messages"], len(wanted))
        self.assertGreaterEqual(end["messages_resent"], len(wanted))
        self.assertEqual(end["requests_malformed"], 1)
        self.assertGreater(end["cpu_seconds"], 0)

    def test_who_joins_late_gets_a_snapshot(self):
        exchange, start = self.start("--rate", 50000, "--symbols", 50, "--count", 10000, "--linger-ms", 20000)
        with socket.create_connection(address_of(start["glimpse"]), timeout=10) as connection:
            # A SoupBinTCP login: user, password, session, sequence.
            login = b"L" + b"me".ljust(6) + b" " * 10 + b" " * 10 + b"1".rjust(20)
            connection.sendall(len(login).to_bytes(2, "big") + login)
            stream = connection.makefile("rb")
            types = ""
            while not types.endswith("G"):
                length = int.from_bytes(stream.read(2), "big")
                packet = stream.read(length)
                if packet[:1] == b"A":
                    self.assertEqual(packet[1:11].decode().strip(), start["session"])
                if packet[:1] == b"S":
                    types += chr(packet[1])
            following = int(packet[2:])
        self.assertGreaterEqual(following, 1)
        self.assertLessEqual(following, 10001)
        exchange.send_signal(signal.SIGTERM)
        end = self.finish(exchange)
        self.assertEqual((end["snapshots_taken"], end["snapshots_sent"]), (1, 1))

    def test_a_signal_ends_the_session_in_order(self):
        exchange, start = self.start("--rate", 1000, "--symbols", 50, "--messages", 100000, "--linger-ms", 50)
        feed = receiver_of(address_of(start["feed_b"]))
        before = time.time_ns()
        count = 0
        while count == 0:
            sequence, count, messages = messages_of(feed.recv(2048))
        # A generated market at a rate is stamped with the time of day, from UTC's midnight.
        stamp = int.from_bytes(messages[0][5:11], "big")
        day = 86_400_000_000_000
        apart = (stamp - before) % day
        self.assertLess(min(apart, day - apart), 10_000_000_000)
        exchange.send_signal(signal.SIGINT)
        while count != END_OF_SESSION:
            sequence, count, messages = messages_of(feed.recv(2048))
        feed.close()
        end = self.finish(exchange)
        self.assertEqual(sequence, end["messages"] + 1)
        self.assertLess(end["messages"], 100000)

    def test_faults_are_made_and_counted(self):
        exchange, _ = self.start("--rate", 200000, "--symbols", 50, "--count", 20000, "--linger-ms", 10,
                                 "--faults", "loss=0.1,duplicate=0.1,one-feed-down=B")
        end = self.finish(exchange)
        self.assertEqual(end["messages"], 20000)
        self.assertGreater(end["feed_a"]["lost"], 0)
        self.assertGreater(end["feed_a"]["duplicated"], 0)
        self.assertEqual(end["feed_b"]["packets"], 0)

    def test_mistakes_are_told(self):
        for arguments, told in ((("--faults", "loss=2"), "probability"), (("--group-a", "239.1"), "239.255.42.1:26400"),
                                (("--rate", "0"), "--rate"), (("--session", "much too long a name"), "--session"),
                                (("--messages", "10", "--symbols", "70000"), "--symbols")):
            with self.subTest(arguments=arguments):
                self.assertIn(told, self.tapeline("exchange", *arguments, exit_code=2).stderr)
        self.assertIn("ip link", self.tapeline("exchange", "--interface", "no-such-if", exit_code=3).stderr)
        self.assertIn("none.itch", self.tapeline("exchange", "none.itch", exit_code=3).stderr)


if __name__ == "__main__":
    harness.main()
