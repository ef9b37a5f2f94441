"""What deploy/ holds works: a real Prometheus over a running pipeline has data for every query of every panel and rule, and
the dashboards are what Grafana takes."""

import copy
import json
import re
import subprocess

import grafana_schema
import harness
from live import Live, free_port, socket
from monitoring import Prometheus, Receiver, tool, wait_until

DEPLOY = harness.SOURCE_DIR / "deploy"
SELECTOR = re.compile(r'(?<![\w:.])(?:tapeline[\w:]+|up)(?:\{[^}]*\})?')


def dashboards():
    return {path.name: json.loads(path.read_text()) for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json"))}


def panel_queries():
    """(dashboard, panel, expression), variables as Grafana would fill them in but for $symbol."""
    return [(name, panel["title"],
             target["expr"].replace("$__rate_interval", "10s").replace("$instance", ".+"))
            for name, dashboard in dashboards().items() for panel in dashboard["panels"] for target in panel["targets"]]


class DeployTest(harness.TestCase):
    def run_tool(self, name, *arguments):
        done = subprocess.run([tool(name), *map(str, arguments)], cwd=DEPLOY / "prometheus", capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rules_and_configurations_are_valid_and_rules_do_what_they_say(self):
        self.run_tool("promtool", "check", "config", "prometheus.yml")
        self.run_tool("promtool", "check", "rules", "rules/recording.rules.yml", "rules/alerting.rules.yml")
        self.run_tool("promtool", "test", "rules", "rules/alerting.test.yml")
        self.run_tool("amtool", "check-config", "../alertmanager/alertmanager.yml")

    def test_dashboards_are_up_to_date(self):
        subprocess.run([harness.SOURCE_DIR / "scripts/make_dashboards.py", "--check"], check=True, timeout=60)
        uids = [dashboard["uid"] for dashboard in dashboards().values()]
        self.assertEqual(len(uids), len(set(uids)))
        for name, dashboard in dashboards().items():
            for panel in dashboard["panels"]:
                where = panel["gridPos"]
                self.assertLessEqual(where["x"] + where["w"], 24, f"{name}: {panel['title']}")
                self.assertTrue(panel["description"], f"{name}: {panel['title']}")

    def test_dashboards_are_of_grafanas_schema(self):
        folder = grafana_schema.packages()
        for name, dashboard in dashboards().items():
            self.assertEqual(grafana_schema.mistakes(folder, dashboard), [], name)
        # And the judge sees what is wrong.
        wrong = copy.deepcopy(dashboards()["pipeline.json"])
        wrong["panels"][0]["options"]["colorMode"] = "colour"
        wrong["panels"][1]["targets"][0]["expression"] = "up"
        wrong["refreshes"] = "5s"
        self.assertEqual(len(grafana_schema.mistakes(folder, wrong)), 3)

    def start_pipeline(self):
        webhook = Receiver()
        self.addCleanup(webhook.stop)
        port = free_port(socket.SOCK_STREAM)
        live = Live(self.folder, rate=10_000, settings=[
            "serve.enabled=true", f"serve.port={port}", "stream.workers=2", "analytics.tables=all", "alerts.hold_ms=0",
            f"alerts.webhook_url={webhook.url}/"])
        self.addCleanup(live.__exit__)
        live.start_pipeline()
        # One line is down, so that an alert fires.
        live.start_exchange("--faults", "one-feed-down=B", count=10_000_000)
        live.wait_for(lambda status: [alert for alert in status["alerts"] if alert["name"] == "FeedLineDown"])
        return f"127.0.0.1:{port}"

    def prometheus(self, target):
        config = (DEPLOY / "prometheus/prometheus.yml").read_text()
        for old, new in (("127.0.0.1:8787", target), (" 5s\n  evaluation_interval: 5s", " 500ms\n  evaluation_interval: 500ms"),
                         ("rules/*.rules.yml", f"{DEPLOY}/prometheus/rules/*.rules.yml")):
            self.assertIn(old, config)
            config = config.replace(old, new)
        path = self.folder / "prometheus.yml"
        path.write_text(config)
        prometheus = Prometheus(self.folder, path)
        self.addCleanup(prometheus.stop)
        return prometheus

    def test_every_query_of_every_panel_and_rule_returns_data(self):
        tool("prometheus")  # Else there is no need to start anything.
        prometheus = self.prometheus(self.start_pipeline())
        symbol = wait_until(lambda: prometheus.query("tapeline_book_spread_dollars"),
                            what="a watched book")[0]["metric"]["symbol"]
        groups = [group for group in prometheus.get("/api/v1/rules")["data"]["groups"]]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertGreater(len(rules), 15)
        queries = [(f"{name}: {title}", expression.replace("$symbol", symbol)) for name, title, expression in panel_queries()]
        self.assertGreater(len(queries), 40)
        for rule in rules:
            if rule["type"] == "recording":
                queries.append((f"rule {rule['name']}", rule["name"]))
            queries += [(f"rule {rule['name']}", selector) for selector in SELECTOR.findall(rule["query"])]
        self.assertNotIn("$", "".join(expression for _, expression in queries))
        missing = {}

        def all_there():
            missing.clear()
            for where, expression in queries:
                if not prometheus.query(expression):
                    missing[expression] = where
            return not missing
        try:
            wait_until(all_there, seconds=25)
        except AssertionError:
            self.fail(f"no data: {missing}")
        depth = prometheus.query(f'tapeline_book_depth_shares{{symbol="{symbol}"}}')
        self.assertGreater(len(depth), 10)
        self.assertLessEqual(len(prometheus.query("tapeline_book_depth_shares")), 4 * 2 * 10)
        # A rule fires on what is so, and none of them fails.
        wait_until(lambda: prometheus.query('ALERTS{alertname="TapelineFeedLineDown", line="B"}'), what="an alert's rule")
        health = {rule["name"]: rule["health"] for group in prometheus.get("/api/v1/rules")["data"]["groups"]
                  for rule in group["rules"]}
        self.assertEqual(set(health.values()), {"ok"}, health)


if __name__ == "__main__":
    harness.main()
