// The alerts of surveillance, the newest first; one of them opens at its evidence.

import { el, text } from "./dom";
import * as format from "./format";
import { qualityClass } from "./book";
import type { View } from "./main";

interface Alert {
  id: string; detector: string; symbol: string; side: "B" | "S" | null; severity: number; score: number; threshold: number;
  start_ns: number; end_ns: number; first_sequence: number; last_sequence: number; orders: number; price_levels: number;
  shares: number; other_shares: number; trades: number; messages: number; ratio: number | null; move_bps: number | null;
  price: number; quality: string;
}
interface Level { price: number; size: number; orders: number }
interface Story {
  alert: Alert; messages: number; source: string; first_offset: number; last_offset: number;
  before: { bids: Level[]; asks: Level[] }; after: { bids: Level[]; asks: Level[] };
  orders: { order: number; side: "bid" | "ask"; price: number; size: number; entered_ns: number; left_ns: number | null;
    rested_before: boolean; executed: number; withdrawn: number; remaining: number }[];
  trades: { time_ns: number; price: number; size: number; taker: "B" | "S" | null }[];
}

const columns = [
  ["Time", "left"], ["Symbol", "left"], ["Pattern", "left"], ["Side", "left"], ["Severity", ""], ["Score", ""], ["Threshold", "wide"],
  ["Orders", "wide"], ["Shares", ""], ["Lasted", "wide"], ["Quality", "left"],
] as const;
const pollMs = 2_000;
const mostRows = 300;
const mostOrders = 60;
const bookDepth = 5;

export class Alerts implements View {
  readonly node = el("section", { class: "alerts", "aria-label": "Alerts" });
  readonly title = "Alerts";
  private readonly counter = el("span", { class: "muted" });
  private readonly body = el("tbody");
  private readonly detail = el("div", { class: "panel evidence", hidden: true });
  private readonly empty = el("div", { class: "empty", hidden: true }, el("h2", {}, "No alerts"),
    el("p", {}, "Alerts are rows of the table alerts: the pipeline has to compute it, and something has to look like a pattern."));
  private alerts: Alert[] = [];
  private timer = 0;
  private opened = "";

  constructor(private readonly go: (hash: string) => void) {
    const head = el("tr", {}, ...columns.map(([name, kind]) => el("th", { class: kind, scope: "col" }, name)));
    this.body.addEventListener("click", (event) => {
      const line = (event.target as Element).closest("tr");
      if (line) void this.open(line.dataset["id"]!);
    });
    this.node.append(
      el("div", { class: "toolbar" }, el("span", {}, "An alert accuses a pattern: the feed names no trader."), this.counter),
      this.detail, el("div", { class: "tablebox" }, el("table", { class: "grid" }, el("thead", {}, head), this.body)), this.empty);
  }

  show(): void {
    void this.load();
    this.timer = window.setInterval(() => void this.load(), pollMs);
  }

  hide(): void {
    clearInterval(this.timer);
  }

  key(event: KeyboardEvent): boolean {
    if (event.key !== "Escape" || this.detail.hidden) return false;
    this.close();
    return true;
  }

  private async load(): Promise<void> {
    try {
      const response = await fetch(`/v1/alerts?limit=${mostRows}`);
      if (!response.ok) return;
      const answer = (await response.json()) as { total: number; alerts: Alert[] };
      const isNew = answer.alerts[0]?.id !== this.alerts[0]?.id || answer.alerts.length !== this.alerts.length;
      this.alerts = answer.alerts;
      text(this.counter, `${format.count(answer.total)} since the log's beginning`);
      this.empty.hidden = answer.alerts.length > 0;
      if (isNew) this.draw();
    } catch {
      // The line on top says that the connection is lost.
    }
  }

  private draw(): void {
    this.body.replaceChildren(...this.alerts.map((alert) => {
      const cells = [
        format.time(alert.end_ns, 6), alert.symbol, alert.detector.replaceAll("_", " "),
        alert.side === "B" ? "bid" : alert.side === "S" ? "ask" : "", "●".repeat(alert.severity), format.fixed(alert.score, 1),
        format.fixed(alert.threshold, 1), format.count(alert.orders || null), format.short(alert.shares || null),
        format.duration(alert.end_ns - alert.start_ns), alert.quality,
      ];
      const row = el("tr", { tabindex: "0" }, ...cells.map((value, i) => el("td", { class: columns[i]![1] }, value)));
      row.lastElementChild!.className = `left quality ${qualityClass(alert.quality)}`;
      row.dataset["id"] = alert.id;
      row.toggleAttribute("aria-selected", alert.id === this.opened);
      row.addEventListener("keydown", (event) => {
        if ((event as KeyboardEvent).key === "Enter") void this.open(alert.id);
      });
      return row;
    }));
  }

  private close(): void {
    this.opened = "";
    this.detail.hidden = true;
    this.draw();
  }

  private async open(id: string): Promise<void> {
    this.opened = id;
    this.draw();
    this.detail.hidden = false;
    this.detail.replaceChildren(el("p", { class: "muted" }, "Reading the evidence from the log …"));
    try {
      const response = await fetch(`/v1/alerts/${id}/evidence`);
      const story = (await response.json()) as Story & { error?: string };
      if (this.opened !== id) return;
      if (!response.ok) throw new Error(story.error ?? response.statusText);
      this.tell(story);
    } catch (error) {
      if (this.opened === id) this.detail.replaceChildren(el("p", { class: "banner" }, String((error as Error).message)));
    }
  }

  private tell(story: Story): void {
    const alert = story.alert;
    const at = (ns: number) => () => this.go(`#/symbol/${encodeURIComponent(alert.symbol)}?at=${ns}`);
    const numbers = [
      `score ${format.fixed(alert.score, 2)} of ${format.fixed(alert.threshold, 2)}`,
      alert.orders ? `${format.count(alert.orders)} orders` : "", alert.price_levels ? `${alert.price_levels} prices` : "",
      alert.shares ? `${format.count(alert.shares)} shares` : "", alert.other_shares ? `${format.count(alert.other_shares)} across` : "",
      alert.trades ? `${format.count(alert.trades)} trades` : "", alert.messages ? `${format.count(alert.messages)} messages` : "",
      alert.move_bps != null ? `${format.fixed(alert.move_bps, 1)} bps` : "",
    ].filter(Boolean).join(", ");
    this.detail.replaceChildren(
      el("header", {}, el("h2", {}, `${alert.detector.replaceAll("_", " ")} in ${alert.symbol}`),
        el("button", { class: "primary", click: at(alert.start_ns - 1) }, "The book before it"),
        el("button", { class: "primary", click: at(alert.end_ns) }, "The book at its end"),
        el("button", { class: "icon", title: "Close (Esc)", "aria-label": "Close", click: () => this.close() }, "✕")),
      el("p", {}, `${format.time(alert.start_ns, 9)} to ${format.time(alert.end_ns, 9)}: ${numbers}.`),
      el("p", { class: "muted" }, `Alert ${alert.id}, sequence ${alert.first_sequence} to ${alert.last_sequence}, offset ${story.first_offset} to `
        + `${story.last_offset} of the log; ${format.count(story.messages)} messages of the symbol, played again to the same alert.`),
      el("div", { class: "books" }, bookTable("Before", story.before), bookTable("After", story.after)),
      ordersTable(story));
  }
}

function bookTable(name: string, book: Story["before"]): HTMLElement {
  const line = (level: Level, kind: string) => el("tr", { class: kind },
    el("td", {}, format.columnPrice(level.price)), el("td", {}, format.count(level.size)), el("td", {}, format.count(level.orders)));
  return el("table", { class: "grid" }, el("caption", {}, name),
    el("tbody", {}, ...book.asks.slice(0, bookDepth).reverse().map((level) => line(level, "ask")),
      ...book.bids.slice(0, bookDepth).map((level) => line(level, "bid"))));
}

function ordersTable(story: Story): HTMLElement {
  const start = story.alert.start_ns;
  const rows = story.orders.slice(0, mostOrders).map((order) => {
    const fate = [order.executed ? `traded ${format.count(order.executed)}` : "",
      order.withdrawn ? `withdrawn ${format.count(order.withdrawn)}` : "",
      order.left_ns == null ? `${format.count(order.remaining)} rest` : ""].filter(Boolean).join(", ");
    return el("tr", {},
      el("td", {}, String(order.order)), el("td", { class: `left ${order.side}` }, order.side),
      el("td", {}, format.columnPrice(order.price)), el("td", {}, format.count(order.size)),
      el("td", {}, order.rested_before ? "before" : `+${format.duration(order.entered_ns - start)}`),
      el("td", {}, order.left_ns == null ? "–" : format.duration(order.left_ns - order.entered_ns)), el("td", { class: "left" }, fate));
  });
  const names = [["Order", ""], ["Side", "left"], ["Price", ""], ["Shares", ""], ["Entered", ""], ["Lived", ""], ["Fate", "left"]] as const;
  return el("table", { class: "grid orders" },
    el("caption", {}, story.orders.length > mostOrders ? `The first ${mostOrders} of ${format.count(story.orders.length)} orders` : "Its orders"),
    el("thead", {}, el("tr", {}, ...names.map(([name, kind]) => el("th", { class: kind, scope: "col" }, name)))), el("tbody", {}, ...rows));
}
