// What the pipeline does: stages, lines of the feed, workers, latencies, the log.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clear, cssColor, el, text } from "./dom";
import * as format from "./format";
import type { View } from "./main";
import type { Message, Stream } from "./stream";

interface Stage { name: string; unit: string; total: number; per_second: number; history: number[] }
interface Line {
  name: string; up: boolean; packets: number; first_arrivals: number; duplicates: number; malformed: number;
  kernel_drops: number; silent_ms: number;
}
interface Worker { index: number; key_groups: number; position: number; lag_messages: number; back_pressure: number; rows: number }
interface Latency { name: string; count: number; p50_ns: number; p90_ns: number; p99_ns: number; p999_ns: number; max_ns: number; note: string }
interface Topic { name: string; partitions: number; records: number; bytes: number; segments: number }
interface Alert { name: string; severity: string; partition: string; summary: string; remedy: string; since_ms: number }
interface Status {
  pipeline: null | {
    version: string; process: number; uptime_ms: number; stages: Stage[];
    feed: {
      session: string; state: string; next_sequence: number; lines: Line[]; open_gaps: number; closed_gaps: number;
      requests: number; retransmitted_messages: number; snapshots: number; lost_messages: number;
    };
    topics: Topic[]; workers: Worker[]; latencies: Latency[];
    checkpoints: { taken: number; failed: number; age_ms: number; keys: number; bytes: number; duration_us: number; longest_stall_us: number; last_error: string };
    clock: { source: string; synchronised: boolean; error_bound_ns: number | null; detail: string };
    memory: { resident_bytes: number; peak_resident_bytes: number };
    warnings: string[];
    alerts?: Alert[];
  };
  serve: {
    state: string; error: string; session: string; sequence: number; lag_records: number; missed_records: number; symbols: number;
    live_orders: number; book_bytes: number; clients: number; channels: number; skipped_updates: number; keyframes: number;
    keyframe_bytes: number; unknown_order: number; crossed: number; duplicate_ref: number;
  };
}

type Cell = string | Node;

function table(heads: [string, string?][], rows: Cell[][]): HTMLElement {
  return el("div", { class: "tablebox" }, el("table", { class: "grid plain" },
    el("thead", {}, el("tr", {}, ...heads.map(([name, kind]) => el("th", { class: kind ?? "" }, name)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell, i) => el("td", { class: heads[i]?.[1] ?? "" }, cell)))))));
}

function facts(pairs: [string, string, string?][]): HTMLElement {
  return el("dl", { class: "facts column" }, ...pairs.map(([name, value, kind]) =>
    el("div", {}, el("dt", {}, name), el("dd", { class: kind ?? "" }, value))));
}

function meter(part: number): HTMLElement {
  const bar = el("i");
  bar.style.width = `${Math.min(100, Math.max(0, part * 100))}%`;
  return el("span", { class: `meter ${part > 0.9 ? "hot" : part > 0.6 ? "warm" : ""}` }, bar, el("b", {}, `${(part * 100).toFixed(0)} %`));
}

// Percentiles on one logarithmic axis from 100 ns to 10 s, so that places can be compared at a glance.
function latencyBar(latency: Latency): HTMLElement {
  const at = (ns: number) => Math.min(100, Math.max(0, (Math.log10(Math.max(ns, 100)) - 2) / 8 * 100));
  const bar = el("span", { class: "latency", title: "p50 to p99, up to the longest, on a logarithmic axis from 100 ns to 10 s" });
  const part = (kind: string, from: number, to: number) => {
    const node = el("i", { class: kind });
    node.style.left = `${at(from)}%`;
    node.style.width = `${Math.max(0.6, at(to) - at(from))}%`;
    bar.append(node);
  };
  part("tail", latency.p99_ns, latency.max_ns);
  part("body", latency.p50_ns, latency.p99_ns);
  return bar;
}

export class Pipeline implements View {
  readonly node = el("section", { class: "pipeline", "aria-label": "Pipeline" });
  readonly title = "Pipeline";
  private readonly warnings = el("div", { class: "warnings" });
  private readonly stages = el("div", { class: "stages" });
  private readonly chartBox = el("div", { class: "rates" });
  private readonly cards = el("div", { class: "cards" });
  private readonly empty = el("div", { class: "empty" }, el("h2"), el("p"));
  private readonly chartPanel: HTMLElement;
  private chart: uPlot | null = null;
  private chartNames = "";
  private subscription = 0;
  private status: Status | null = null;

  constructor(private readonly stream: Stream) {
    this.chartPanel = el("div", { class: "panel" }, el("header", {}, el("h2", {}, "Rates over the last minute, per second")), this.chartBox);
    this.node.append(this.warnings, this.empty, this.stages, this.chartPanel, this.cards);
    new ResizeObserver(() => this.sizeChart()).observe(this.chartBox);
  }

  show(): void {
    this.subscription = this.stream.subscribe({ tables: ["status"], interval_ms: 1000 }, (message: Message) => {
      this.status = message["status"] as Status;
      this.draw();
    });
    this.draw();
  }

  hide(): void {
    this.stream.unsubscribe(this.subscription);
  }

  restyle(): void {
    this.chart?.destroy();
    this.chart = null;
    this.draw();
  }

  key(): boolean {
    return false;
  }

  private draw(): void {
    const pipeline = this.status?.pipeline ?? null;
    this.empty.hidden = pipeline != null;
    this.stages.hidden = this.chartPanel.hidden = pipeline == null;
    const [heading, words] = this.empty.children;
    text(heading!, this.status ? "No pipeline runs on this data folder" : "Loading the status");
    text(words!, this.status
      ? "What is shown is what its log holds. `tapeline run` starts a pipeline; its stages appear here then."
      : "Waiting for the first account.");
    clear(this.cards);
    clear(this.warnings);
    if (!this.status) return;
    if (pipeline) this.drawPipeline(pipeline);
    this.cards.append(this.card("Serving", facts(this.serving(this.status.serve))));
  }

  private card(name: string, ...content: Node[]): HTMLElement {
    return el("div", { class: "panel" }, el("header", {}, el("h2", {}, name)), ...content);
  }

  private serving(serve: Status["serve"]): [string, string, string?][] {
    return [
      ["State", serve.state.replace("_", " "), serve.state === "failed" ? "down" : ""], ["Behind the log", `${format.count(serve.lag_records)} records`],
      ["Symbols", format.count(serve.symbols)], ["Live orders", format.count(serve.live_orders)],
      ["Memory of books", format.bytes(serve.book_bytes)], ["Kept for rewinds", `${format.count(serve.keyframes)} books, ${format.bytes(serve.keyframe_bytes)}`],
      ["Clients", `${serve.clients}, ${serve.channels} channels`], ["Skipped for slow clients", format.count(serve.skipped_updates)],
      ["Missed of the log", format.count(serve.missed_records), serve.missed_records > 0 ? "down" : ""],
      ["Unknown orders", format.count(serve.unknown_order)], ["Crossed books", format.count(serve.crossed)],
    ];
  }

  private drawPipeline(pipeline: NonNullable<Status["pipeline"]>): void {
    for (const alert of pipeline.alerts ?? [])
      this.warnings.append(el("p", { class: alert.severity === "warning" ? "" : "severe" }, el("strong", {}, alert.name),
        ` for ${format.duration(alert.since_ms * 1e6)}: ${alert.summary}. `, el("span", {}, alert.remedy)));
    for (const warning of pipeline.warnings) this.warnings.append(el("p", {}, warning));
    this.drawStages(pipeline.stages);
    this.drawChart(pipeline.stages);
    const feed = pipeline.feed;
    this.cards.append(
      this.card("Feed", facts([
        ["State", feed.state, feed.state === "live" || feed.state === "ended" ? "" : "warn"], ["Session", feed.session], ["Next message", format.count(feed.next_sequence)],
        ["Gaps", `${format.count(feed.open_gaps)} open, ${format.count(feed.closed_gaps)} closed`, feed.open_gaps > 0 ? "warn" : ""],
        ["Retransmitted", format.count(feed.retransmitted_messages)], ["Snapshots", format.count(feed.snapshots)],
        ["Lost for good", format.count(feed.lost_messages), feed.lost_messages > 0 ? "down" : ""],
      ]), table([["Line", "left"], ["State", "left"], ["Packets"], ["First"], ["Malformed"], ["Dropped"]], feed.lines.map((line) => [
        line.name, el("span", { class: line.up ? "up" : "down" }, line.up ? "up" : `silent ${format.duration(line.silent_ms * 1e6)}`),
        format.short(line.packets), format.short(line.first_arrivals), format.count(line.malformed), format.count(line.kernel_drops)]))),
      this.card("Workers", table([["#"], ["Groups"], ["Lag"], ["Rows"], ["Busy", "left"]], pipeline.workers.map((worker) => [
        String(worker.index), String(worker.key_groups), format.short(worker.lag_messages), format.short(worker.rows), meter(worker.back_pressure)]))),
      this.card("Latency", table([["From … to", "left"], ["p50"], ["p99"], ["p99.9"], ["Longest"], ["", "left"]], pipeline.latencies.map((one) => [
        el("span", { title: one.note }, one.name + (one.note ? " *" : "")), format.duration(one.p50_ns), format.duration(one.p99_ns),
        format.duration(one.p999_ns), format.duration(one.max_ns), latencyBar(one)]))),
      this.card("Log", table([["Topic", "left"], ["Partitions"], ["Records"], ["Segments"], ["Size"]], pipeline.topics.map((topic) => [
        topic.name, String(topic.partitions), format.short(topic.records), format.count(topic.segments), format.bytes(topic.bytes)]))),
      this.card("Checkpoints", facts([
        ["Taken", format.count(pipeline.checkpoints.taken)], ["Failed", format.count(pipeline.checkpoints.failed), pipeline.checkpoints.failed > 0 ? "down" : ""],
        ["Age of the last", format.duration(pipeline.checkpoints.age_ms * 1e6)], ["Keys, bytes", `${format.count(pipeline.checkpoints.keys)}, ${format.bytes(pipeline.checkpoints.bytes)}`],
        ["It took", format.duration(pipeline.checkpoints.duration_us * 1e3)], ["Longest stall", format.duration(pipeline.checkpoints.longest_stall_us * 1e3)],
      ])),
      this.card("Process", facts([
        ["Version", pipeline.version], ["Number", String(pipeline.process)], ["Running for", format.duration(pipeline.uptime_ms * 1e6)],
        ["Memory", `${format.bytes(pipeline.memory.resident_bytes)}, at most ${format.bytes(pipeline.memory.peak_resident_bytes)}`],
        ["Clock", `${pipeline.clock.source}${pipeline.clock.synchronised ? "" : ", not synchronised"}`, pipeline.clock.synchronised ? "" : "warn"],
        ["Clock is off by", pipeline.clock.error_bound_ns == null ? "unknown" : `at most ${format.duration(pipeline.clock.error_bound_ns)}`],
      ])));
  }

  private drawStages(stages: Stage[]): void {
    this.stages.replaceChildren(...stages.flatMap((stage, i) => {
      const node = el("div", { class: "stage" }, el("h3", {}, stage.name), el("strong", {}, format.short(stage.per_second)),
        el("span", { class: "muted" }, `${stage.unit} a second`), el("span", { class: "muted" }, `${format.short(stage.total)} in all`));
      return i === 0 ? [node] : [el("span", { class: "arrow", "aria-hidden": "true" }, "→"), node];
    }));
  }

  private drawChart(stages: Stage[]): void {
    const names = stages.map((stage) => stage.name).join();
    if (this.chart && names !== this.chartNames) {
      this.chart.destroy();
      this.chart = null;
    }
    const length = Math.max(2, ...stages.map((stage) => stage.history.length));
    const x = Array.from({ length }, (_, i) => i - length + 1);
    const data = [x, ...stages.map((stage) => [...Array<null>(length - stage.history.length).fill(null), ...stage.history])] as uPlot.AlignedData;
    if (this.chart) return this.chart.setData(data);
    this.chartNames = names;
    const axis = { stroke: cssColor("--muted"), grid: { stroke: cssColor("--grid"), width: 1 }, ticks: { show: false }, font: `11px ${cssColor("--font")}` };
    this.chart = new uPlot({
      width: Math.max(280, this.chartBox.clientWidth), height: 190, legend: { live: false },
      scales: { x: { time: false } }, cursor: { y: false },
      axes: [{ ...axis, incrs: [5, 10, 15, 30], values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "now" : `${tick} s`)) },
        { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => format.short(tick)) }],
      series: [{}, ...stages.map((stage, i) => ({ label: stage.name, width: 1.6, stroke: cssColor(`--series-${(i % 5) + 1}`), points: { show: false } }))],
    }, data, this.chartBox);
  }

  private sizeChart(): void {
    this.chart?.setSize({ width: Math.max(280, this.chartBox.clientWidth), height: 190 });
  }
}
