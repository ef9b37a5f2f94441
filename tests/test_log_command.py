"""`tapeline log` on a small log whose bytes are made here, by docs/formats/journal.md and not by the program."""

import json
import struct

import harness

MANIFEST = {"format": 1, "partitions": 1, "compacted": False, "sync": "none", "segment_bytes": 1 << 20,
            "segment_ns": 3600 * 10**9, "retention_ns": 0, "retention_bytes": 0, "sync_interval_ns": 10**8,
            "preallocate_bytes": 0, "tombstone_retention_ns": 10**9}
NOON = 1_772_452_800 * 10**9  # 2026-03-02T12:00:00Z


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def segment_header():
    covered = struct.pack("<IQQ", 1, 0, 0)
    return b"TAPELOG\n" + struct.pack("<I", crc32c(covered)) + covered


def batch(first, records, payload, time_ns):
    covered = struct.pack("<IHHIIQQQQ", len(payload), 7, 0, records, 0, first, 2**64 - 1, time_ns, time_ns) + payload
    whole = b"TLTB" + struct.pack("<I", crc32c(covered)) + covered
    return whole + b"\0" * (-len(whole) % 8)


class LogCommandTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.folder / "tapeline-data/journal/feed"
        (folder / "0").mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(MANIFEST))
        self.batches = [batch(0, 2, b"first", NOON), batch(2, 3, b"second", NOON + 10**9),
                        batch(5, 1, b"third", NOON + 2 * 10**9)]
        self.segment = folder / "0/00000000000000000000.log"
        self.segment.write_bytes(segment_header() + b"".join(self.batches))

    def log(self, *arguments, **options):
        return self.tapeline("log", *arguments, **options)

    def offsets(self, *arguments):
        return [json.loads(line)["offset"] for line in self.log(*arguments, "--format", "json").stdout.splitlines()]

    def damage_the_second(self):
        data = bytearray(self.segment.read_bytes())
        data[32 + len(self.batches[0]) + 60] ^= 1
        self.segment.write_bytes(data)

    def test_list(self):
        self.assertEqual(json.loads(self.log("list", "--format", "json").stdout), [
            {"topic": "feed", "partition": 0, "oldest": 0, "end": 6, "first_time_ns": NOON,
             "last_time_ns": NOON + 2 * 10**9, "bytes": self.segment.stat().st_size, "segments": 1,
             "compacted": False}])
        self.assertIn("2026-03-02T12:00:02.000000000Z", self.log("list").stdout)

    def test_dump_prints_each_batch(self):
        lines = self.log("dump", "feed").stdout.splitlines()
        self.assertEqual(lines[0], "feed/0 offset 0 records 2 kind 7 time 2026-03-02T12:00:00.000000000Z bytes 5")
        self.assertEqual(lines[1].strip(), b"first".hex())
        first = json.loads(self.log("dump", "feed", "--format", "json").stdout.splitlines()[0])
        self.assertEqual(first["payload_hex"], b"first".hex())
        self.assertEqual((first["records"], first["kind"], first["missed"]), (2, 7, 0))

    def test_where_to_begin_and_to_end(self):
        self.assertEqual(self.offsets("dump", "feed"), [0, 2, 5])
        self.assertEqual(self.offsets("dump", "feed", "--offset", 4), [2, 5])
        self.assertEqual(self.offsets("dump", "feed", "--time", "2026-03-02T12:00:00.5Z"), [2, 5])
        self.assertEqual(self.offsets("dump", "feed", "--time", NOON + 1 + 10**9), [5])
        self.assertEqual(self.offsets("dump", "feed", "--count", 1), [0])
        self.assertEqual(self.offsets("tail", "feed", "-n", 1), [5])
        self.assertEqual(self.offsets("tail", "feed"), [0, 2, 5])

    def test_tail_follows_a_live_log_until_it_has_enough(self):
        self.assertEqual(self.offsets("tail", "feed", "-f", "--count", 3), [0, 2, 5])

    def test_verify_and_repair(self):
        self.assertIn("3 batches, 6 records", self.log("verify").stdout)
        self.damage_the_second()
        done = self.log("verify", "feed", exit_code=5)
        self.assertIn("records 2 to 4 are lost", done.stdout)
        self.assertIn("--repair", done.stderr)
        self.assertIn("is damaged at byte", self.log("dump", "feed", exit_code=5).stderr)
        self.assertIn("repaired", self.log("verify", "feed", "--repair").stdout)
        self.assertTrue(self.segment.with_suffix(".log.damaged").exists())
        self.assertIn("sound", self.log("verify").stdout)
        self.assertIn("records 2 to 4 are missing", self.log("dump", "feed").stdout)
        self.assertEqual(self.offsets("dump", "feed"), [0, 5])

    def test_a_missing_segment_is_told_and_stepped_over(self):
        last = self.segment.with_name("%020d.log" % 5)
        covered = struct.pack("<IQQ", 1, 5, 0)
        last.write_bytes(b"TAPELOG\n" + struct.pack("<I", crc32c(covered)) + covered + self.batches[2])
        self.segment.write_bytes(segment_header() + self.batches[0])
        self.assertEqual(self.offsets("dump", "feed"), [0, 5])
        self.assertIn("records 2 to 4 are missing", self.log("dump", "feed").stdout)
        self.assertIn("records 2 to 4 are lost", self.log("verify", exit_code=5).stdout)

    def test_what_a_crash_cut_off_is_no_damage(self):
        self.segment.write_bytes(self.segment.read_bytes()[:-3])
        self.assertIn("cut off by a crash", self.log("verify").stdout)
        self.assertEqual(self.offsets("dump", "feed"), [0, 2])

    def test_mistakes(self):
        self.assertIn("tapeline log list", self.log(exit_code=2).stderr)
        self.assertIn("absent", self.log("dump", "absent", exit_code=3).stderr)
        self.assertIn("no partition 7", self.log("dump", "feed", "--partition", 7, exit_code=3).stderr)
        self.assertIn("--time", self.log("dump", "feed", "--time", "noon", exit_code=2).stderr)
        self.assertIn("--data", self.log("list", "--data", "elsewhere", exit_code=3).stderr)
        (self.segment.parent.parent / "manifest.json").write_text('{"format": 2}')
        self.assertIn("format version 2", self.log("list", exit_code=6).stderr)


if __name__ == "__main__":
    harness.main()
