"""Alerts end to end: they reach Alertmanager, a webhook and PagerDuty once, are resolved, survive restarts of either side
and cost the pipeline nothing."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import unittest

import harness
from live import Live
from monitoring import Alertmanager, Receiver, wait_until

KEY = "R0ut1ngK3y0fTheTest"
TOKEN = "t0ken0fTheTest"
QUICK = ["feed.silence_ms=1000", "alerts.hold_ms=500", "alerts.resolve_ms=500", "alerts.source=desk-1",
         "alerts.timeout_ms=1000"]


def only(documents, name, field="name"):
    """Those of one alert: on a busy machine others may fire as well."""
    return [document for document in documents if document[field] == name]


class AlertsTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        os.environ["TAPELINE_PAGERDUTY_KEY"] = KEY
        os.environ["TAPELINE_WEBHOOK_TOKEN"] = TOKEN
        self.addCleanup(os.environ.pop, "TAPELINE_PAGERDUTY_KEY")
        self.addCleanup(os.environ.pop, "TAPELINE_WEBHOOK_TOKEN")

    def receiver(self, *arguments, **options):
        receiver = Receiver(*arguments, **options)
        self.addCleanup(receiver.stop)
        return receiver

    def live(self, *settings):
        live = Live(self.folder, rate=5_000, settings=[*QUICK, *settings])
        self.addCleanup(live.__exit__)
        return live

    def start(self, live):
        """A pipeline that is live, and its exchange."""
        pipeline = live.start_pipeline()
        exchange = live.start_exchange(count=10_000_000)
        live.wait_for(lambda status: status["feed"]["state"] == "live")
        return pipeline, exchange

    def test_an_alert_arrives_once_and_is_resolved_once_across_a_crash(self):
        relayed = self.receiver()
        config = self.folder / "alertmanager.yml"
        config.write_text("route: {receiver: page, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n"
                          f"receivers: [{{name: page, webhook_configs: [{{url: '{relayed.url}/', send_resolved: true}}]}}]\n")
        alertmanager = Alertmanager(self.folder, config)
        self.addCleanup(alertmanager.stop)
        webhook, pagerduty = self.receiver(), self.receiver(status=202)
        pagerduty.answers = [503, 429]  # It is tried again.
        live = self.live(f"alerts.alertmanager_url={alertmanager.url}", "alerts.alertmanager_repeat_s=2",
                         f"alerts.webhook_url={webhook.url}/hook", "alerts.pagerduty=true",
                         f"alerts.pagerduty_url={pagerduty.url}/v2/enqueue")
        pipeline, exchange = self.start(live)
        os.kill(exchange.pid, signal.SIGSTOP)  # Not even heartbeats come.

        active = wait_until(lambda: [alert for alert in alertmanager.alerts()
                                     if alert["labels"]["alertname"] == "TapelineStaleData"], what="Alertmanager's alert")[0]
        self.assertEqual({name: active["labels"][name] for name in ("instance", "venue", "severity", "job")},
                         {"instance": "desk-1", "venue": "XNAS", "severity": "critical", "job": "tapeline"})
        self.assertIn("silent", active["annotations"]["summary"])
        self.assertEqual(active["status"]["state"], "active")
        wait_until(lambda: only(webhook.taken(), "StaleData"), what="the webhook's alert")
        trigger = wait_until(lambda: [event for event in pagerduty.taken() if event["dedup_key"].endswith("StaleData")],
                             what="PagerDuty's alert")[0]
        self.check_trigger(trigger)
        self.assertEqual(sorted({code for *_, code in pagerduty.posts}), [202, 429, 503])

        # Who looks sees it, too.
        listed = json.loads(self.tapeline("alerts", "list", "--format", "json", *live.options()).stdout)
        self.assertIn("StaleData", [alert["name"] for alert in listed["alerts"]])
        self.assertIn("StaleData for", self.tapeline("status", "--once", *live.options()).stdout)
        doctor = subprocess.run([str(harness.BINARY), "doctor", "--format", "json", *live.options()], capture_output=True,
                                text=True, timeout=60, check=False)
        self.assertIn("StaleData", [finding["subject"] for finding in json.loads(doctor.stdout)["findings"]])
        time.sleep(3)  # Alertmanager is told again every two seconds, nobody else is.

        pipeline.kill()
        pipeline.wait()
        os.kill(exchange.pid, signal.SIGCONT)
        live.start_pipeline()
        resolve = wait_until(lambda: [event for event in pagerduty.taken() if event["event_action"] == "resolve" and
                                      event["dedup_key"] == trigger["dedup_key"]], what="PagerDuty's resolution")
        wait_until(lambda: len(only(webhook.taken(), "StaleData")) == 2, what="the webhook's resolution")
        wait_until(lambda: not [alert for alert in alertmanager.alerts()
                                if alert["labels"]["alertname"] == "TapelineStaleData"], what="Alertmanager's resolution")
        wait_until(lambda: [told for told in relayed.taken() if told["status"] == "resolved" and
                            told["groupLabels"]["alertname"] == "TapelineStaleData"], what="what Alertmanager passes on")
        self.assertEqual(resolve, [{"routing_key": KEY, "event_action": "resolve", "dedup_key": trigger["dedup_key"]}])
        told = only(webhook.taken(), "StaleData")
        self.assertEqual([document["status"] for document in told], ["firing", "resolved"])
        self.assertEqual(told[0]["started_at"], told[1]["started_at"])
        self.assertEqual(webhook.posts[0][1]["Authorization"], f"Bearer {TOKEN}")
        self.assertEqual(len([event for event in pagerduty.taken() if event["dedup_key"] == trigger["dedup_key"]]), 2)
        passed_on = [told["status"] for told in relayed.taken() if told["groupLabels"]["alertname"] == "TapelineStaleData"]
        self.assertEqual(passed_on, ["firing", "resolved"])
        self.check_secrets(live)

    def check_trigger(self, event):
        """What PagerDuty's Events API v2 asks for."""
        self.assertEqual(event["routing_key"], KEY)
        self.assertEqual(event["event_action"], "trigger")
        self.assertEqual(event["dedup_key"], "tapeline/desk-1/StaleData")
        self.assertEqual(event["payload"]["source"], "desk-1")
        self.assertIn(event["payload"]["severity"], ("critical", "error", "warning", "info"))
        self.assertIn("silent", event["payload"]["summary"])
        self.assertLessEqual(len(event["payload"]["summary"]), 1024)
        self.assertRegex(event["payload"]["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def check_secrets(self, live):
        """Neither what it prints nor what it keeps has a secret in it."""
        texts = {"config": self.tapeline("config", *live.options()).stdout,
                 "status": json.dumps(live.status()),
                 "log": (live.folder / "pipeline.log").read_text(),
                 "memory": (live.data / "alerts.json").read_text()}
        for name, text in texts.items():
            for secret in (KEY, TOKEN):
                self.assertNotIn(secret, text, name)

    def test_targets_that_are_down_or_hang_hold_up_nothing(self):
        down = self.receiver()
        port = down.port
        down.stop()
        hanging = self.receiver(status=202)
        hanging.hold = threading.Event()
        live = self.live(f"alerts.webhook_url=http://127.0.0.1:{port}/", "alerts.pagerduty=true",
                         f"alerts.pagerduty_url={hanging.url}/")
        pipeline, exchange = self.start(live)
        os.kill(exchange.pid, signal.SIGSTOP)

        def account(status, name):
            return next(target for target in status["alert_targets"] if target["name"] == name)
        status = live.wait_for(lambda status: account(status, "webhook")["retries"] > 0 and
                               account(status, "pagerduty")["waiting"] > 0)
        self.assertIn("cannot connect", account(status, "webhook")["last_error"])
        self.assertTrue([warning for warning in status["warnings"] if "do not reach webhook" in warning])
        os.kill(exchange.pid, signal.SIGCONT)
        before = live.status()["workers"][0]["position"]
        live.wait_for(lambda status: status["feed"]["state"] == "live" and status["workers"][0]["position"] > before + 5_000)
        # Once it is there it hears in order what it missed.
        back = self.receiver(port)
        wait_until(lambda: len(only(back.taken(), "StaleData")) == 2, what="both notifications")
        self.assertEqual([document["status"] for document in only(back.taken(), "StaleData")], ["firing", "resolved"])
        begin = time.monotonic()
        self.assertEqual(live.stop(pipeline), 0)
        self.assertLess(time.monotonic() - begin, 15)

    def test_a_test_alert_reaches_every_target_over_tls_as_well(self):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("there is no openssl to make a certificate with")
        certificate, key = self.folder / "certificate.pem", self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True, timeout=60)
        webhook, pagerduty = self.receiver(), self.receiver(status=202, certificate=(certificate, key))
        options = ["--set", f"alerts.webhook_url={webhook.url}/", "--set", "alerts.pagerduty=true",
                   "--set", f"alerts.pagerduty_url={pagerduty.url}/v2/enqueue"]
        done = self.tapeline("alerts", "test", *options, environment={"SSL_CERT_FILE": str(certificate)})
        self.assertRegex(done.stdout, r"webhook +told\npagerduty +told\n")
        self.assertEqual([event["event_action"] for event in pagerduty.taken()], ["trigger", "resolve"])
        self.assertEqual([document["status"] for document in webhook.taken()], ["firing", "resolved"])
        # A certificate that nobody trusts is no PagerDuty.
        done = self.tapeline("alerts", "test", *options, exit_code=4, environment={"SSL_CERT_FILE": str(pathlib.Path("/dev/null"))})
        self.assertIn("certificate verify failed", done.stdout)
        self.assertEqual(len(pagerduty.posts), 2)
        pagerduty.answers = [400]
        done = self.tapeline("alerts", "test", "--format", "json", *options, exit_code=4,
                             environment={"SSL_CERT_FILE": str(certificate)})
        self.assertIn("answered 400", json.loads(done.stdout.splitlines()[1])["error"])
        for text in (done.stdout, done.stderr):
            self.assertNotIn(KEY, text)

    def test_what_cannot_be_told_is_said_at_the_start(self):
        self.assertIn("nobody is told", self.tapeline("alerts", "test", exit_code=2).stderr)
        done = self.tapeline("run", "--set", "alerts.pagerduty=true", "--set", f"data.folder={self.folder}/d", exit_code=2,
                             environment={"TAPELINE_PAGERDUTY_KEY": ""})
        self.assertIn("TAPELINE_PAGERDUTY_KEY", done.stderr)
        self.assertEqual(self.tapeline("alerts", "list", "--set", f"data.folder={self.folder}/none", exit_code=3).stdout, "")


if __name__ == "__main__":
    harness.main()
