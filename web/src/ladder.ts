// Both sides of a book around its middle, one line a price level.

import { el, text } from "./dom";
import * as format from "./format";
import type { Book, Level } from "./book";

class Line {
  readonly node: HTMLElement;
  private readonly orders = el("span", { class: "orders" });
  private readonly size = el("span", { class: "size" });
  private readonly price = el("span", { class: "price" });
  private readonly total = el("span", { class: "total" });
  private readonly bar = el("i", { class: "bar" });

  constructor(side: "bid" | "ask") {
    this.node = el("div", { class: `level ${side}`, role: "row" }, this.bar, this.orders, this.size, this.price,
      this.total);
  }

  show(level: Level | undefined, cumulative: number, largest: number): void {
    text(this.orders, level ? format.count(level[2]) : "");
    text(this.size, level ? format.count(level[1]) : "");
    text(this.price, level ? format.price(level[0]) : "");
    text(this.total, level ? format.short(cumulative) : "");
    this.bar.style.width = level ? `${(level[1] / largest) * 100}%` : "0";
  }
}

export class Ladder {
  readonly node = el("div", { class: "ladder", role: "table", "aria-label": "Order book" });
  private readonly middle = el("div", { class: "middle" });
  private readonly spread = el("span");
  private readonly mid = el("strong");
  private readonly relative = el("span");
  private readonly asks: Line[] = [];
  private readonly bids: Line[] = [];

  constructor(private readonly depth: number) {
    for (let i = 0; i < depth; ++i) {
      this.asks.push(new Line("ask"));
      this.bids.push(new Line("bid"));
    }
    this.middle.append(this.spread, this.mid, this.relative);
    this.node.append(
      el("div", { class: "level head" }, el("span", {}, "Orders"), el("span", {}, "Size"), el("span", {}, "Price"),
        el("span", {}, "Total")),
      el("div", { class: "asks" }, ...[...this.asks].reverse().map((line) => line.node)), this.middle,
      el("div", { class: "bids" }, ...this.bids.map((line) => line.node)));
  }

  show(book: Book): void {
    const bids = book.bids.slice(0, this.depth);
    const asks = book.asks.slice(0, this.depth);
    const largest = Math.max(1, ...bids.map((level) => level[1]), ...asks.map((level) => level[1]));
    for (const [lines, levels] of [[this.bids, bids], [this.asks, asks]] as const) {
      let cumulative = 0;
      lines.forEach((line, i) => {
        cumulative += levels[i]?.[1] ?? 0;
        line.show(levels[i], cumulative, largest);
      });
    }
    const bid = bids[0];
    const ask = asks[0];
    if (bid && ask) {
      const middle = (bid[0] + ask[0]) / 2;
      text(this.spread, `spread ${format.price(ask[0] - bid[0])}`);
      text(this.mid, middle.toFixed(3));
      text(this.relative, `${(((ask[0] - bid[0]) / middle) * 1e4).toFixed(1)} bp`);
    } else {
      text(this.spread, "");
      text(this.mid, bid ? "no asks" : ask ? "no bids" : "the book is empty");
      text(this.relative, "");
    }
  }
}
