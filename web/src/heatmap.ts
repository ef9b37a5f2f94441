// Where the orders lie over time: columns are moments, brightness is size. Bids and asks have a colour each, trades are
// dots. Drawn once into a canvas behind the scenes, which then only moves.

import { cssColor, el, fitCanvas } from "./dom";
import * as format from "./format";
import type { Book, Level, Trade } from "./book";

export interface Frame {
  time: number;
  bids: Level[];
  asks: Level[];
}

const shades = 48;
const mostFrames = 3_000;

interface Palette {
  font: string;
  bid: string[];
  ask: string[];
  line: string;
  text: string;
  grid: string;
  buy: string;
  sell: string;
}

export class Heatmap {
  readonly node = el("div", { class: "heatmap", role: "img", "aria-label": "Depth over time" });
  spanNs = 60e9;
  private readonly canvas = el("canvas");
  private readonly label = el("div", { class: "tooltip", hidden: true });
  private readonly empty = el("p", { class: "empty small" }, "Depth appears here as it comes");
  private readonly back = document.createElement("canvas");
  private frames: Frame[] = [];
  private trades: Trade[] = [];
  private range: { low: number; high: number } | null = null;
  private largest = 1;
  private backStart = 0; // Event time at the left edge of `back`, which is two spans wide.
  private drawnFrames = 0; // Frames before this one are in `back`.
  private stale = true;
  private rightEdge = 0;
  private palette: Palette | null = null;
  private pointer: { x: number; y: number } | null = null;
  private running = false;
  private drawn = ""; // What the canvas shows; see draw().
  // The event time at the right edge.
  now: () => number = () => 0;

  constructor() {
    this.node.append(this.canvas, this.empty, this.label);
    this.canvas.addEventListener("pointermove", (event) => {
      this.pointer = { x: event.offsetX, y: event.offsetY };
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
    });
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8);
    }, { passive: false });
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    const step = () => {
      if (!this.running) return;
      this.draw();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  stop(): void {
    this.running = false;
  }

  zoom(factor: number): void {
    this.spanNs = Math.min(600e9, Math.max(5e9, this.spanNs * factor));
    this.stale = true;
  }

  restyle(): void {
    this.palette = null;
    this.stale = true;
  }

  clear(): void {
    this.frames = [];
    this.trades = [];
    this.range = null;
    this.stale = true;
  }

  replace(frames: Frame[], trades: Trade[]): void {
    this.frames = frames;
    this.trades = trades;
    this.stale = true;
  }

  // Older frames, from a replay, before those that are there.
  prepend(frames: Frame[], trades: Trade[]): void {
    const first = this.frames[0]?.time ?? Infinity;
    const firstTrade = this.trades[0]?.time ?? Infinity;
    this.frames = [...frames.filter((frame) => frame.time < first), ...this.frames];
    this.trades = [...trades.filter((trade) => trade.time < firstTrade), ...this.trades];
    this.stale = true;
  }

  add(book: Book): void {
    const last = this.frames[this.frames.length - 1];
    if (last && book.time < last.time) this.clear(); // Another session.
    this.frames.push({ time: book.time, bids: book.bids, asks: book.asks });
    if (this.frames.length <= mostFrames) return;
    this.frames.splice(0, mostFrames / 3);
    this.stale = true;
  }

  addTrades(trades: Trade[]): void {
    this.trades.push(...trades.filter((trade) => !trade.broken));
    if (this.trades.length > 2_000) this.trades.splice(0, 1_000);
  }

  private colors(): Palette {
    if (this.palette) return this.palette;
    const shade = (name: string) => Array.from({ length: shades }, (_, i) => {
      const part = i / (shades - 1);
      return `rgb(${cssColor(name)} / ${(0.05 + 0.9 * part ** 1.25).toFixed(3)})`;
    });
    this.palette = {
      font: cssColor("--font"),
      bid: shade("--bid-rgb"), ask: shade("--ask-rgb"), line: cssColor("--text"), text: cssColor("--muted"),
      grid: cssColor("--line"), buy: cssColor("--buy-dot"), sell: cssColor("--sell-dot"),
    };
    return this.palette;
  }

  // Prices from well below the best bid to well above the best ask; kept as long as the middle stays inside.
  private fitRange(): void {
    const last = this.frames[this.frames.length - 1];
    const bid = last?.bids[0]?.[0];
    const ask = last?.asks[0]?.[0];
    if (!last || bid == null || ask == null) return;
    const middle = (bid + ask) / 2;
    if (this.range) {
      const { low, high } = this.range;
      const inner = (high - low) * 0.22;
      if (middle > low + inner && middle < high - inner) return;
    }
    let low = bid;
    let high = ask;
    const from = this.rightEdge - this.spanNs;
    for (const frame of this.frames) {
      if (frame.time < from) continue;
      low = Math.min(low, frame.bids[Math.min(9, frame.bids.length - 1)]?.[0] ?? low);
      high = Math.max(high, frame.asks[Math.min(9, frame.asks.length - 1)]?.[0] ?? high);
    }
    const half = Math.min(Math.max(high - middle, middle - low, 0.08) * 1.05, Math.max(middle * 0.02, 0.25));
    this.range = { low: middle - half, high: middle + half };
    this.stale = true;
  }

  private fitSizes(): void {
    // The 98th percentile, so that one giant does not make all the rest dark.
    const sizes: number[] = [];
    const step = Math.max(1, Math.floor(this.frames.length / 60));
    for (let i = 0; i < this.frames.length; i += step)
      for (const side of [this.frames[i]!.bids, this.frames[i]!.asks])
        for (let j = 0; j < Math.min(20, side.length); ++j) sizes.push(side[j]![1]);
    if (sizes.length === 0) return;
    sizes.sort((a, b) => a - b);
    this.largest = Math.max(1, sizes[Math.floor(sizes.length * 0.98)]!);
  }

  private y(price: number, height: number): number {
    const { low, high } = this.range!;
    return height - ((price - low) / (high - low)) * height;
  }

  private paintColumn(context: CanvasRenderingContext2D, frame: Frame, x: number, width: number, height: number): void {
    const { low, high } = this.range!;
    const palette = this.colors();
    const thick = Math.max(2, (0.01 / (high - low)) * height);
    for (const [levels, colors] of [[frame.bids, palette.bid], [frame.asks, palette.ask]] as const) {
      for (const level of levels) {
        if (level[0] < low || level[0] > high) continue;
        const part = Math.sqrt(Math.min(1, level[1] / this.largest));
        context.fillStyle = colors[Math.min(shades - 1, Math.floor(part * shades))]!;
        context.fillRect(x, this.y(level[0], height) - thick / 2, width, thick);
      }
    }
    context.fillStyle = palette.line;
    for (const best of [frame.bids[0], frame.asks[0]])
      if (best && best[0] >= low && best[0] <= high) context.fillRect(x, this.y(best[0], height) - 0.75, width, 1.5);
  }

  private repaint(width: number, height: number): void {
    this.fitSizes();
    this.back.width = width * 2;
    this.back.height = height;
    this.backStart = this.rightEdge - this.spanNs;
    this.drawnFrames = 0;
    this.stale = false;
  }

  private paintNew(width: number, height: number): void {
    const context = this.back.getContext("2d")!;
    const scale = width / this.spanNs;
    // The last frame's end is not known yet.
    for (; this.drawnFrames < this.frames.length - 1; ++this.drawnFrames) {
      const frame = this.frames[this.drawnFrames]!;
      // Whole pixels, so that no seam shows between two columns.
      const x = Math.round((frame.time - this.backStart) * scale);
      const end = Math.round((this.frames[this.drawnFrames + 1]!.time - this.backStart) * scale);
      if (end > x && end >= 0) this.paintColumn(context, frame, x, end - x, height);
    }
  }

  private draw(): void {
    const resized = fitCanvas(this.canvas);
    const { width: full, height: tall } = this.canvas;
    const context = this.canvas.getContext("2d")!;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(full - 58 * ratio);
    const height = Math.round(tall - 20 * ratio);
    this.rightEdge = this.now();
    // Most frames of the screen move nothing by a whole pixel and bring nothing new: they cost nothing then.
    const pixel = Math.floor((this.rightEdge / this.spanNs) * width);
    const state = [pixel, this.frames.length, this.frames[this.frames.length - 1]?.time, this.trades.length,
      this.trades[this.trades.length - 1]?.time, full, tall, this.pointer?.x, this.pointer?.y].join();
    if (state === this.drawn && !this.stale && !resized) return;
    this.drawn = state;
    this.empty.hidden = this.frames.length > 0;
    context.clearRect(0, 0, full, tall);
    if (this.frames.length === 0 || width < 20 || height < 20) return;
    this.fitRange();
    if (!this.range) return;
    const left = this.rightEdge - this.spanNs;
    const scale = width / this.spanNs;
    const isOutside = left < this.backStart || this.rightEdge > this.backStart + 2 * this.spanNs;
    if (resized || this.stale || isOutside || this.drawnFrames > this.frames.length) this.repaint(width, height);
    this.paintNew(width, height);
    context.save();
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    context.drawImage(this.back, Math.round((this.backStart - left) * scale), 0);
    const last = this.frames[this.frames.length - 1]!;
    // A pixel more on the left: what was drawn before is moved by whole pixels.
    const x = Math.round((last.time - left) * scale) - 1;
    this.paintColumn(context, last, x, Math.max(1, width - x), height);
    this.drawTrades(context, left, scale, height, ratio);
    context.restore();
    this.drawAxes(context, width, height, left, scale, ratio);
    this.drawPointer(context, width, height, left, scale, ratio);
  }

  private drawTrades(context: CanvasRenderingContext2D, left: number, scale: number, height: number, ratio: number): void {
    const palette = this.colors();
    for (const trade of this.trades) {
      if (trade.time < left || trade.time > this.rightEdge || trade.broken) continue;
      const x = (trade.time - left) * scale;
      const radius = Math.min(9, 1.6 + Math.log10(1 + trade.size) * 1.4) * ratio;
      context.beginPath();
      context.arc(x, this.y(trade.price, height), radius, 0, 2 * Math.PI);
      context.fillStyle = trade.aggressor === "B" ? palette.buy : trade.aggressor === "S" ? palette.sell : palette.text;
      context.fill();
      context.strokeStyle = "rgb(0 0 0 / 0.55)";
      context.lineWidth = ratio;
      context.stroke();
    }
  }

  private drawAxes(context: CanvasRenderingContext2D, width: number, height: number, left: number, scale: number,
    ratio: number): void {
    const palette = this.colors();
    const { low, high } = this.range!;
    context.font = `${10.5 * ratio}px ${palette.font}`;
    context.fillStyle = palette.text;
    context.textBaseline = "middle";
    context.textAlign = "left";
    const raw = (high - low) / Math.max(2, height / (44 * ratio));
    const magnitude = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((one) => one >= raw) ?? raw;
    for (let price = Math.ceil(low / step) * step; price <= high; price += step)
      context.fillText(price.toFixed(2), width + 8 * ratio, this.y(price, height));
    context.textAlign = "center";
    const seconds = [1, 2, 5, 10, 15, 30, 60, 120].find((one) => one * 1e9 * scale > 74 * ratio) ?? 300;
    for (let at = Math.ceil(left / (seconds * 1e9)) * seconds * 1e9; at < this.rightEdge; at += seconds * 1e9) {
      const x = (at - left) * scale;
      context.fillStyle = palette.grid;
      context.fillRect(x, height, ratio, 4 * ratio);
      context.fillStyle = palette.text;
      if (x > 26 * ratio && x < width - 26 * ratio) context.fillText(format.time(at, 0), x, height + 12 * ratio);
    }
  }

  private drawPointer(context: CanvasRenderingContext2D, width: number, height: number, left: number, scale: number,
    ratio: number): void {
    const x = (this.pointer?.x ?? -1) * ratio;
    const y = (this.pointer?.y ?? -1) * ratio;
    this.label.hidden = x < 0 || x > width || y > height;
    if (this.label.hidden) return;
    const { low, high } = this.range!;
    const price = high - (y / height) * (high - low);
    const at = left + x / scale;
    let frame: Frame | undefined;
    for (const one of this.frames) if (one.time <= at) frame = one;
    const near = frame && [...frame.bids, ...frame.asks].find((level) => Math.abs(level[0] - price) < (high - low) / 90);
    context.fillStyle = this.colors().text;
    context.fillRect(x, 0, 1, height);
    context.fillRect(0, y, width, 1);
    this.label.textContent = `${format.time(at, 1)}  ${format.price(near?.[0] ?? price)}` +
      (near ? `  ${format.count(near[1])} in ${near[2]}` : "");
    this.label.style.left = `${Math.min(this.pointer!.x + 12, this.canvas.clientWidth - 220)}px`;
    this.label.style.top = `${Math.max(4, this.pointer!.y - 26)}px`;
  }
}
