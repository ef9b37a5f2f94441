#!/usr/bin/env python3
"""Writes the Grafana dashboards in deploy/grafana/dashboards/.

A dashboard is mostly what Grafana wants to be repeated in every panel; here stand the panels and their queries alone.
`--check` writes nothing and fails where a file is not what would be written.
"""

import argparse
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "deploy/grafana/dashboards"
SOURCE = {"type": "prometheus", "uid": "${source}"}
RATE = "$__rate_interval"
WHERE = 'instance=~"$instance"'
COLUMNS = 24


def query(expression, legend="", format="time_series", instant=False):
    return {"datasource": SOURCE, "expr": expression, "legendFormat": legend or "__auto", "format": format,
            "instant": instant, "range": not instant}


def lines(title, unit, description, *queries, stacked=False, width=12, low=None, high=None):
    """Series over time."""
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if stacked else 5, "showPoints": "never",
              "spanNulls": False, "stacking": {"mode": "normal" if stacked else "none", "group": "A"}}
    defaults = {"unit": unit, "custom": custom}
    if low is not None:
        defaults["min"] = low
    if high is not None:
        defaults["max"] = high
    return {"type": "timeseries", "title": title, "description": description, "width": width, "height": 8,
            "targets": list(queries), "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                        "tooltip": {"mode": "multi", "sort": "desc"}}}


def heatmap(title, unit, description, scheme, row_unit, *queries, height=10, width=24):
    """Rows over time: buckets of a histogram, or levels of a book."""
    return {"type": "heatmap", "title": title, "description": description, "width": width, "height": height,
            "targets": list(queries), "fieldConfig": {"defaults": {"custom": {"hideFrom": {"legend": False, "tooltip": False,
                                                                                          "viz": False}}}, "overrides": []},
            "options": {"calculate": False, "cellGap": 0, "cellValues": {"unit": unit},
                        "color": {"mode": "scheme", "scheme": scheme, "scale": "exponential", "exponent": 0.5,
                                  "steps": 64, "reverse": False, "fill": "dark-blue"},
                        "filterValues": {"le": 1e-9}, "exemplars": {"color": "rgba(255,0,255,0.7)"},
                        "legend": {"show": True}, "rowsFrame": {"layout": "auto"}, "showValue": "never",
                        "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": False},
                        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": row_unit}}}


def number(title, unit, description, expression, bad_above=None, width=4):
    steps = [{"color": "green", "value": None}]
    if bad_above is not None:
        steps.append({"color": "red", "value": bad_above})
    return {"type": "stat", "title": title, "description": description, "width": width, "height": 4,
            "targets": [query(expression, instant=True)],
            "fieldConfig": {"defaults": {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}}, "overrides": []},
            "options": {"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
                        "textMode": "auto", "wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard",
                        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}}


def table(title, description, expression, width=24):
    return {"type": "table", "title": title, "description": description, "width": width, "height": 5,
            "targets": [query(expression, format="table", instant=True)],
            "fieldConfig": {"defaults": {"custom": {"align": "auto", "inspect": False}}, "overrides": []},
            "options": {"showHeader": True, "cellHeight": "sm"}}


def variable(name, label, expression):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": expression,
            "refresh": 2, "multi": name == "instance", "includeAll": name == "instance", "hide": 0, "skipUrlSync": False}


def placed(panels):
    """From left to right, then below."""
    out, x, y, row = [], 0, 0, 0
    for number_of, panel in enumerate(panels, 1):
        width, height = panel.pop("width"), panel.pop("height")
        if x + width > COLUMNS:
            x, y, row = 0, y + row, 0
        for letter, target in zip("ABCDEFGH", panel["targets"]):
            target["refId"] = letter
        out.append({"id": number_of, "datasource": SOURCE, "transparent": False,
                    "gridPos": {"x": x, "y": y, "w": width, "h": height}, **panel})
        x, row = x + width, max(row, height)
    return out


def dashboard(uid, title, description, panels, *variables):
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1,
              "multi": False, "includeAll": False, "hide": 0, "skipUrlSync": False}
    return {"uid": uid, "title": title, "description": description, "tags": ["tapeline"], "schemaVersion": 39,
            "editable": True, "fiscalYearStartMonth": 0, "graphTooltip": 1, "timezone": "browser", "refresh": "5s",
            "time": {"from": "now-15m", "to": "now"},
            "templating": {"list": [source, variable("instance", "Pipeline", "label_values(tapeline_pipeline_running, instance)"),
                                    *variables]},
            "panels": placed(panels)}


def market():
    book = f'symbol="$symbol", {WHERE}'
    return dashboard(
        "tapeline-market", "Tapeline: market", "Depth, throughput and quality of the market as the books have it.", [
            heatmap("Depth of $symbol: asks, by level", "short",
                    "Shares of each price level over time; level 01 is the best. serve.watch_symbols names the symbols.", "Reds",
                    "none", query(f'tapeline_book_depth_shares{{{book}, side="ask"}}', "{{level}}"), width=12),
            heatmap("Depth of $symbol: bids, by level", "short", "The same of the other side.", "Greens", "none",
                    query(f'tapeline_book_depth_shares{{{book}, side="bid"}}', "{{level}}"), width=12),
            lines("Best prices of $symbol", "currencyUSD", "Where level 01 stands.",
                  query(f'tapeline_book_price_dollars{{{book}, level="01"}}', "{{side}}")),
            lines("Depth by symbol and side", "short", "Shares on all watched levels together.",
                  query(f"sum by (symbol, side) (tapeline_book_depth_shares{{{WHERE}}})", "{{symbol}} {{side}}"), low=0),
            lines("Throughput per exchange", "cps", "Messages a second, each once.",
                  query(f"sum by (venue) (rate(tapeline_feed_messages_total{{{WHERE}}}[{RATE}]))", "{{venue}}"), low=0),
            lines("Packets per feed and line", "pps", "Redundant feeds carry the same; a line that falls behind is seen here.",
                  query(f"sum by (venue, line) (rate(tapeline_feed_packets_total{{{WHERE}}}[{RATE}]))", "{{venue}} {{line}}"),
                  low=0),
            lines("Quoted spread", "currencyUSD", "Best ask less best bid of the watched symbols.",
                  query(f"tapeline_book_spread_dollars{{{WHERE}}}", "{{symbol}}")),
            lines("Imbalance at the best prices", "short", "(bid - ask) / (bid + ask) of shares.",
                  query(f"tapeline_book_imbalance_ratio{{{WHERE}}}", "{{symbol}}"), low=-1, high=1),
            lines("Messages of the watched symbols", "cps", "How busy each is.",
                  query(f"rate(tapeline_symbol_messages_total{{{WHERE}}}[{RATE}])", "{{symbol}}"), low=0),
            lines("Shares traded", "short", "A second, of trades that count as volume.",
                  query(f"rate(tapeline_symbol_volume_shares_total{{{WHERE}}}[{RATE}])", "{{symbol}}"), low=0),
            lines("Books by quality", "short", "How many have which flag. Anything above 0 is not to be traded on.",
                  query(f"tapeline_books_flagged{{{WHERE}}}", "{{flag}}"), low=0),
            lines("What was wrong with messages", "cps", "Events a second that contradict the books.",
                  query(f"rate(tapeline_book_events_total{{{WHERE}}}[{RATE}])", "{{event}}"), low=0),
            lines("How far the market data are behind", "s", "The present less the newest timestamp that all workers have.",
                  query(f"tapeline_market_behind_seconds{{{WHERE}}}", "{{venue}}"), low=0),
            lines("Symbols", "short", "All, and those that are halted, paused or only quoted.",
                  query(f"tapeline_market_symbols{{{WHERE}}}", "all"),
                  query(f"tapeline_market_symbols_not_trading{{{WHERE}}}", "not trading"), low=0),
        ], variable("symbol", "Symbol", "label_values(tapeline_book_depth_shares, symbol)"))


def pipeline():
    latency = f"tapeline_latency_seconds_bucket{{{WHERE}"
    return dashboard(
        "tapeline-pipeline", "Tapeline: pipeline", "Latency, lag and health of the live pipeline.", [
            number("Pipelines", "none", "How many answer.", f"sum(tapeline_pipeline_running{{{WHERE}}})"),
            number("Alerts firing", "none", "Of the pipeline's own.", f"sum(tapeline_alerts_firing{{{WHERE}}})", 1),
            number("Warnings", "none", "`tapeline status` has the words.", f"sum(tapeline_warnings{{{WHERE}}})", 1),
            number("Messages lost", "none", "Of gaps that were given up.", f"sum(tapeline_feed_lost_messages_total{{{WHERE}}})", 1),
            number("p99 packet to rows", "s", "Over the last minute.",
                   f'max(tapeline:latency_seconds:p99_1m{{{WHERE}, path="packet to rows"}})', 0.005),
            number("Running for", "s", "Since the last start.", f"min(tapeline_uptime_seconds{{{WHERE}}})"),
            table("Alerts that fire", "By name and partition; `tapeline alerts list` has the remedies.",
                  f"tapeline_alert_firing{{{WHERE}}}"),
            heatmap("Latency from end to end: packet to rows", "short", "How many batches took how long, from the packet's "
                    "arrival at the network card or kernel to their rows in the log.", "Spectral", "s",
                    query(f'sum by (le) (rate({latency}, path="packet to rows"}}[{RATE}]))', "{{le}}", format="heatmap")),
            lines("Latency by stage, p99", "s", "At most so long took 99 of 100.",
                  query(f"histogram_quantile(0.99, sum by (le, path) (rate({latency}}}[{RATE}])))", "{{path}}"), low=0),
            lines("Latency by stage, p50", "s", "At most so long took half of them.",
                  query(f"histogram_quantile(0.5, sum by (le, path) (rate({latency}}}[{RATE}])))", "{{path}}"), low=0),
            lines("Throughput by stage", "cps", "What passes each stage in a second; a stage that falls behind is the bottleneck.",
                  query(f"rate(tapeline_stage_items_total{{{WHERE}}}[{RATE}])", "{{stage}}, {{unit}}"), low=0),
            lines("Lag per partition", "short", "Messages of the log that the worker of a partition has yet to take in.",
                  query(f"tapeline_partition_lag_messages{{{WHERE}}}", "{{topic}} {{partition}}"), low=0),
            lines("Back-pressure", "percentunit", "Share of the time in which the log had to wait for a worker; 0.2 raises an alert.",
                  query(f"tapeline_worker_back_pressure_ratio{{{WHERE}}}", "worker {{worker}}"), low=0, high=1),
            lines("Busy", "percentunit", "Share of the time in which a worker worked.",
                  query(f"tapeline_worker_busy_ratio{{{WHERE}}}", "worker {{worker}}"), low=0, high=1),
            lines("Gaps and losses", "cps", "A second: gaps on both lines, messages asked for and got, messages given up.",
                  query(f"rate(tapeline_feed_gaps_total{{{WHERE}}}[{RATE}])", "gaps"),
                  query(f"rate(tapeline_feed_retransmission_requests_total{{{WHERE}}}[{RATE}])", "requests"),
                  query(f"rate(tapeline_feed_retransmitted_messages_total{{{WHERE}}}[{RATE}])", "retransmitted"),
                  query(f"rate(tapeline_feed_lost_messages_total{{{WHERE}}}[{RATE}])", "lost"), low=0),
            lines("Dropped and malformed packets", "pps", "By line: for lack of room in the kernel, or not what they should be.",
                  query(f"rate(tapeline_feed_kernel_drops_total{{{WHERE}}}[{RATE}])", "{{line}} dropped"),
                  query(f"rate(tapeline_feed_malformed_packets_total{{{WHERE}}}[{RATE}])", "{{line}} malformed"), low=0),
            lines("Checkpoints: time", "s", "What the last one took, its age, and the longest stall of a worker for one.",
                  query(f"tapeline_checkpoint_duration_seconds{{{WHERE}}}", "duration"),
                  query(f"tapeline_checkpoint_age_seconds{{{WHERE}}}", "age"),
                  query(f"tapeline_checkpoint_longest_stall_seconds{{{WHERE}}}", "longest stall"), low=0),
            lines("Checkpoints: size", "bytes", "Of the last one.", query(f"tapeline_checkpoint_bytes{{{WHERE}}}", "bytes"), low=0),
            lines("Memory", "bytes", "Of the process, and of the books that are served.",
                  query(f"tapeline_resident_memory_bytes{{{WHERE}}}", "resident"),
                  query(f"tapeline_serve_book_bytes{{{WHERE}}}", "served books"), low=0),
            lines("The log on disk", "bytes", "By topic.", query(f"tapeline_topic_bytes{{{WHERE}}}", "{{topic}}"), stacked=True,
                  low=0),
            lines("Clock error", "s", "How far the clock may be off; nothing where nobody says.",
                  query(f"tapeline_clock_error_bound_seconds{{{WHERE}}}", "error bound"), low=0),
            lines("What became of alerts", "short", "Notifications by target and outcome, and those that wait.",
                  query(f"tapeline_alert_notifications_total{{{WHERE}}}", "{{target}} {{outcome}}"),
                  query(f"tapeline_alert_notifications_waiting{{{WHERE}}}", "{{target}} waiting"), low=0),
            lines("Clients", "short", "Connections, clients of the stream, and what they follow.",
                  query(f"tapeline_serve_connections{{{WHERE}}}", "connections"),
                  query(f"tapeline_serve_stream_clients{{{WHERE}}}", "stream clients"),
                  query(f"tapeline_serve_stream_channels{{{WHERE}}}", "channels"), low=0),
            lines("Slow clients", "cps", "Updates a second that were left out, as their clients had yet to take the last ones.",
                  query(f"rate(tapeline_serve_stream_skipped_total{{{WHERE}}}[{RATE}])", "skipped"), low=0),
        ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail where a file is not up to date")
    check = parser.parse_args().check
    for name, made in (("market.json", market()), ("pipeline.json", pipeline())):
        text = json.dumps(made, indent=1, ensure_ascii=True) + "\n"
        path = FOLDER / name
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path} is not up to date: run scripts/make_dashboards.py")


if __name__ == "__main__":
    main()
