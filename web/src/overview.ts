// Every symbol, the busiest first.

import { className, el, onFrame, text } from "./dom";
import * as format from "./format";
import { qualityClass } from "./book";
import type { Message, Stream } from "./stream";
import type { View } from "./main";

type Row = [
  symbol: string, last: number | null, change: number | null, bid: number | null, bidSize: number | null,
  ask: number | null, askSize: number | null, rate: number, messages: number, trades: number, volume: number,
  state: string, quality: string,
];

const columns = [
  ["Symbol", "left"], ["Last", ""], ["Change", ""], ["Bid size", "wide"], ["Bid", ""], ["Ask", ""], ["Ask size", "wide"],
  ["Spread bp", ""], ["Imbalance", "wide center"], ["Msg/s", ""], ["Trades", "wide"], ["Volume", ""], ["State", "left wide"],
  ["Quality", "left"],
] as const;

const mostRows = 200;

class Line {
  readonly node = el("tr", { tabindex: "-1" });
  private readonly cells = columns.map(([, kind]) => el("td", { class: kind }));
  private readonly imbalance = el("span", { class: "imbalance" }, el("i"));
  private last: number | null = null;

  constructor() {
    this.node.append(...this.cells);
    this.cells[8]!.append(this.imbalance);
    this.cells[9]!.append(el("span", { class: "rate" }), el("i", { class: "ratebar" }));
  }

  show(row: Row, highestRate: number): void {
    const [symbol, last, change, bid, bidSize, ask, askSize, rate, , trades, volume, state, quality] = row;
    const set = (index: number, value: string) => text(this.cells[index]!, value);
    set(0, symbol);
    set(1, format.columnPrice(last));
    set(2, format.percent(change));
    className(this.cells[2]!, change == null || change === 0 ? "muted" : change > 0 ? "up" : "down");
    set(3, format.count(bidSize));
    set(4, format.columnPrice(bid));
    set(5, format.columnPrice(ask));
    set(6, format.count(askSize));
    const spread = bid != null && ask != null ? ((ask - bid) / ((ask + bid) / 2)) * 1e4 : null;
    set(7, spread == null ? "–" : spread.toFixed(spread < 100 ? 1 : 0));
    const part = bidSize != null && askSize != null ? (bidSize - askSize) / (bidSize + askSize) : 0;
    const bar = this.imbalance.firstElementChild as HTMLElement;
    bar.style.left = part < 0 ? `${50 + part * 50}%` : "50%";
    bar.style.width = `${Math.abs(part) * 50}%`;
    className(bar, part >= 0 ? "bid" : "ask");
    this.imbalance.title = `imbalance ${part.toFixed(2)}`;
    text(this.cells[9]!.firstElementChild!, format.short(rate));
    (this.cells[9]!.lastElementChild as HTMLElement).style.width =
      `${highestRate > 0 ? Math.sqrt(rate / highestRate) * 100 : 0}%`;
    set(10, format.count(trades));
    set(11, format.short(volume));
    set(12, state);
    className(this.cells[12]!, `left wide state ${state === "trading" ? "" : "unusual"}`);
    // Where the screen is too narrow for the last column, the first one warns.
    className(this.cells[0]!, `left ${qualityClass(quality)}`);
    this.cells[0]!.title = `book ${quality}`;
    set(13, quality);
    className(this.cells[13]!, `left quality ${qualityClass(quality)}`);
    if (this.last != null && last != null && last !== this.last) {
      const cell = this.cells[1]!;
      className(cell, "");
      void cell.offsetWidth;
      className(cell, last > this.last ? "flash-up" : "flash-down");
    }
    this.last = last;
  }
}

export class Overview implements View {
  readonly node = el("section", { class: "overview", "aria-label": "Market overview" });
  readonly title = "Overview";
  private readonly filter = el("input", {
    type: "search", placeholder: "Filter symbols", maxlength: "8", spellcheck: "false", autocomplete: "off",
    "aria-label": "Filter symbols", input: () => this.refilter(),
  });
  private readonly counter = el("span", { class: "muted" });
  private readonly body = el("tbody");
  private readonly empty = el("div", { class: "empty" }, el("h2"), el("p"));
  private readonly table: HTMLElement;
  private readonly rows = new Map<string, Row>();
  private readonly lines = new Map<string, Line>();
  private order: string[] = [];
  private total = 0;
  private selected = 0;
  private heard = false;
  private subscription = 0;
  private readonly draw = onFrame(() => this.redraw());

  constructor(private readonly stream: Stream, private readonly open: (symbol: string) => void) {
    const head = el("tr", {}, ...columns.map(([name, kind]) => el("th", { class: kind, scope: "col" }, name)));
    this.table = el("div", { class: "tablebox" }, el("table", { class: "grid" }, el("thead", {}, head), this.body));
    this.body.addEventListener("click", (event) => {
      const line = (event.target as Element).closest("tr");
      if (line) this.open(line.dataset["symbol"]!);
    });
    this.node.append(
      el("div", { class: "toolbar" }, this.filter, el("kbd", {}, "/"), this.counter), this.table, this.empty);
  }

  show(): void {
    this.lines.clear(); // What changed while this was out of sight is no news.
    this.subscription = this.stream.subscribe(this.wanted(), (message) => this.take(message));
    this.draw();
  }

  hide(): void {
    this.stream.unsubscribe(this.subscription);
  }

  key(event: KeyboardEvent): boolean {
    if (event.target === this.filter) {
      if (event.key === "Escape") {
        this.filter.value = "";
        this.filter.blur();
        this.refilter();
        return true;
      }
      if (event.key !== "Enter" && event.key !== "ArrowDown" && event.key !== "ArrowUp") return false;
    }
    switch (event.key) {
      case "/": this.filter.focus(); return true;
      case "j": case "ArrowDown": return this.move(1);
      case "k": case "ArrowUp": return this.move(-1);
      case "PageDown": return this.move(20);
      case "PageUp": return this.move(-20);
      case "Home": return this.move(-mostRows);
      case "End": return this.move(mostRows);
      case "Enter": {
        const symbol = this.order[this.selected];
        if (symbol) this.open(symbol);
        return symbol !== undefined;
      }
    }
    return false;
  }

  private wanted() {
    const filter = this.filter.value.trim().toUpperCase();
    return { tables: ["overview"], rows: mostRows, interval_ms: 250, ...(filter ? { filter } : {}) };
  }

  private refilter(): void {
    this.selected = 0;
    this.stream.change(this.subscription, this.wanted());
  }

  private move(by: number): boolean {
    this.selected = Math.max(0, Math.min(this.order.length - 1, this.selected + by));
    this.draw();
    const symbol = this.order[this.selected];
    if (symbol) this.lines.get(symbol)?.node.scrollIntoView({ block: "nearest" });
    return true;
  }

  private take(message: Message): void {
    this.heard = true;
    if (message.type === "snapshot") this.rows.clear();
    for (const row of message["rows"] as Row[]) this.rows.set(row[0], row);
    if (message["order"]) {
      const chosen = this.order[this.selected];
      this.order = message["order"] as string[];
      // The choice follows its symbol, not its place.
      const place = chosen ? this.order.indexOf(chosen) : -1;
      if (place >= 0 && this.selected > 0) this.selected = place;
      for (const symbol of [...this.rows.keys()]) if (!this.order.includes(symbol)) this.rows.delete(symbol);
    } else if (message.type === "snapshot") {
      this.order = [];
    }
    this.total = Number(message["symbols"]);
    this.draw();
  }

  private redraw(): void {
    const highest = Math.max(0, ...[...this.rows.values()].map((row) => row[7]));
    const filter = this.filter.value.trim().toUpperCase();
    text(this.counter, this.heard
      ? `${format.count(this.order.length)} of ${format.count(this.total)} symbols${filter ? ` · ${filter}` : ", the busiest first"}`
      : "");
    const nodes: Node[] = [];
    this.order.forEach((symbol, index) => {
      const row = this.rows.get(symbol);
      if (!row) return;
      let line = this.lines.get(symbol);
      if (!line) {
        line = new Line();
        line.node.dataset["symbol"] = symbol;
        this.lines.set(symbol, line);
      }
      line.show(row, highest);
      line.node.setAttribute("aria-selected", String(index === this.selected));
      nodes.push(line.node);
    });
    const inPlace = nodes.length === this.body.childNodes.length && nodes.every((node, i) => node === this.body.childNodes[i]);
    if (!inPlace) this.body.replaceChildren(...nodes);
    for (const symbol of this.lines.keys()) if (!this.rows.has(symbol)) this.lines.delete(symbol);
    const nothing = this.order.length === 0;
    this.empty.hidden = !nothing;
    this.table.hidden = nothing;
    if (!nothing) return;
    const [heading, words] = this.empty.children;
    text(heading!, !this.heard ? "Loading the market" : filter ? `No symbol contains ${filter}` : "No symbols yet");
    text(words!, !this.heard
      ? "Waiting for the first snapshot."
      : filter ? "Esc clears the filter." : "The feed has named none so far. They appear here as soon as it does.");
  }
}
