// The newest trades, the newest on top.

import { className, el, onFrame, text } from "./dom";
import * as format from "./format";
import { tradeOf, type Trade } from "./book";

const most = 60;

export class Tape {
  readonly node = el("div", { class: "tape", role: "table", "aria-label": "Trades" });
  trades: Trade[] = [];
  private readonly lines: HTMLElement[] = [];
  private readonly empty = el("p", { class: "empty small" }, "No trades yet");
  readonly draw = onFrame(() => this.redraw());

  constructor() {
    for (let i = 0; i < most; ++i)
      this.lines.push(el("div", { class: "trade", role: "row" }, el("span", { class: "time" }), el("span", { class: "price" }),
        el("span", { class: "size" }), el("span", { class: "mark" })));
    const head = el("div", { class: "trade head" }, el("span", {}, "Time"), el("span", {}, "Price"), el("span", {}, "Size"),
      el("span"));
    this.node.append(head, this.empty, el("div", { class: "trades" }, ...this.lines));
  }

  replace(rows: unknown[][]): void {
    this.trades = [];
    this.add(rows);
  }

  add(rows: unknown[][]): void {
    for (const row of rows) {
      const trade = tradeOf(row);
      if (!trade.broken) this.trades.push(trade);
      else for (const old of this.trades) if (old.match === trade.match) old.broken = true;
    }
    if (this.trades.length > 400) this.trades.splice(0, this.trades.length - 256);
    this.draw();
  }

  private redraw(): void {
    const shown = this.trades.slice(-most).reverse();
    this.empty.hidden = shown.length > 0;
    this.lines.forEach((line, i) => {
      const trade = shown[i];
      line.hidden = !trade;
      if (!trade) return;
      const [time, price, size, mark] = line.children;
      const side = trade.aggressor === "B" ? "buy" : trade.aggressor === "S" ? "sell" : "";
      className(line, `trade ${side}${trade.broken ? " broken" : ""}`);
      text(time!, format.time(trade.time, 3));
      text(price!, format.price(trade.price));
      text(size!, format.count(trade.size));
      text(mark!, trade.broken ? "broken" : trade.kind === "displayed" ? "" : trade.kind);
    });
  }
}
