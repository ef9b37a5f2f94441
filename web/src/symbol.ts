// One symbol: its book, where its orders lay, its trades and bars; now, or at any moment of the session.

import { apply, emptyBook, imbalance, qualityClass, tradeOf, type Book, type Level } from "./book";
import { Chart } from "./chart";
import { className, el, onFrame, text } from "./dom";
import * as format from "./format";
import { Heatmap, type Frame } from "./heatmap";
import { Ladder } from "./ladder";
import type { View } from "./main";
import { Scrubber } from "./scrubber";
import type { Message, Stream } from "./stream";
import { Tape } from "./tape";

interface Replay {
  trades: unknown[][];
  frames: { time_ns: number; sequence: number; quality: string; state: string; last: number | null; bids: Level[]; asks: Level[] }[];
}

const depth = 40;
const stepMs = 500;
const framesBack = 120;
const playStepMs = 100; // Of the clock on the wall: ten frames a second.
const playFrames = 50;

export class SymbolView implements View {
  readonly node = el("section", { class: "symbol" });
  readonly title: string;
  private readonly ladder = new Ladder(14);
  private readonly heatmap = new Heatmap();
  private readonly tape = new Tape();
  private readonly chart = new Chart();
  private readonly scrubber = new Scrubber();
  private readonly facts = new Map<string, HTMLElement>();
  private readonly quality = el("span", { class: "chip" });
  private readonly state = el("span", { class: "chip" });
  private readonly banner = el("div", { class: "banner", hidden: true });
  private readonly widths = el("button", { class: "icon", title: "Width of the bars (b)", click: () => this.switchBars() }, "1 min");
  private book: Book = emptyBook(); // As it is now …
  private past: Book | null = null; // … and as it was, while the page shows the past.
  private pastAt = 0;
  private playing: { books: Book[]; next: number; timer: number; loading: boolean } | null = null;
  private request: AbortController | null = null;
  private subscriptions: number[] = [];
  private barSubscription = 0;
  private barSeconds = 60;
  private lastTrade: number | null = null;
  private session = { open: null as number | null, high: null as number | null, low: null as number | null, vwap: null as number | null, volume: 0 };
  private pace = { told: 0, at: 0, rate: 1, edge: 0 };
  private backfilled = false;
  private readonly draw = onFrame(() => this.redraw());

  // `startAt`: the moment to show first; null for now.
  constructor(private readonly symbol: string, private readonly stream: Stream, private startAt: number | null = null) {
    this.title = symbol;
    const fact = (name: string) => {
      const value = el("dd");
      this.facts.set(name, value);
      return el("div", {}, el("dt", {}, name), value);
    };
    const names = ["Last", "Change", "Bid", "Ask", "Spread", "Imbalance", "VWAP", "High", "Low", "Volume"];
    const panel = (name: string, kind: string, content: Node, ...more: Node[]) =>
      el("div", { class: `panel ${kind}` }, el("header", {}, el("h2", {}, name), ...more), content);
    this.node.append(
      el("div", { class: "identity" }, el("h1", {}, symbol), this.state, this.quality,
        el("dl", { class: "facts" }, ...names.map(fact))),
      this.banner,
      el("div", { class: "panels" },
        panel("Book", "book", this.ladder.node), panel("Depth", "depth", this.heatmap.node),
        panel("Trades", "trades", this.tape.node), panel("Bars", "bars", this.chart.node, this.widths)),
      this.scrubber.node);
    this.scrubber.onSeek = (at) => this.rewind(at);
    this.scrubber.onPlay = () => this.togglePlay();
    this.scrubber.onLive = () => this.goLive();
    this.heatmap.now = () => this.edge();
  }

  show(): void {
    const symbols = [this.symbol];
    this.subscriptions = [
      this.stream.subscribe({ tables: ["book"], symbols, depth, interval_ms: 100 }, (message) => this.takeBook(message)),
      this.stream.subscribe({ tables: ["trades"], symbols, interval_ms: 100 }, (message) => this.takeTrades(message)),
    ];
    this.barSubscription = this.stream.subscribe(this.bars(), (message) =>
      this.chart.take(message["bars"] as never, message.type === "snapshot", Number(message["width_s"])));
    this.heatmap.start();
    this.draw();
  }

  hide(): void {
    for (const id of [...this.subscriptions, this.barSubscription]) this.stream.unsubscribe(id);
    this.pause();
    this.request?.abort();
    this.heatmap.stop();
  }

  restyle(): void {
    this.heatmap.restyle();
    this.chart.restyle();
  }

  tick(): void {
    this.draw();
  }

  key(event: KeyboardEvent): boolean {
    if (event.target instanceof HTMLInputElement && event.target.type === "text") return false;
    const step = event.shiftKey ? 60e9 : event.altKey ? 0.1e9 : 1e9;
    switch (event.key) {
      case "ArrowLeft": this.rewind(this.shownTime() - step); return true;
      case "ArrowRight": this.rewind(this.shownTime() + step); return true;
      case " ": this.togglePlay(); return true;
      case "l": this.goLive(); return true;
      case "s": this.scrubber.nextSpeed(); return true;
      case "b": this.switchBars(); return true;
      case "+": case "=": this.heatmap.zoom(0.8); return true;
      case "-": this.heatmap.zoom(1.25); return true;
    }
    return false;
  }

  private bars() {
    return { tables: ["bars"], symbols: [this.symbol], bar_seconds: this.barSeconds, interval_ms: 250 };
  }

  private switchBars(): void {
    this.barSeconds = this.barSeconds === 60 ? 1 : 60;
    text(this.widths, this.barSeconds === 60 ? "1 min" : "1 s");
    this.stream.change(this.barSubscription, this.bars());
  }

  private takeBook(message: Message): void {
    this.book = apply(this.book, message);
    if (!this.past) this.heatmap.add(this.book);
    if (!this.backfilled) {
      this.backfilled = true;
      void this.backfill();
    }
    if (this.startAt != null && this.stream.heartbeat) {
      this.rewind(this.startAt);
      this.startAt = null;
    }
    this.draw();
  }

  private takeTrades(message: Message): void {
    const rows = message["trades"] as unknown[][];
    const trades = rows.map(tradeOf);
    const priced = trades.filter((trade) => !trade.broken);
    this.lastTrade = priced[priced.length - 1]?.price ?? this.lastTrade;
    for (const name of ["open", "high", "low", "vwap"] as const) this.session[name] = (message[name] as number | null) ?? null;
    this.session.volume = Number(message["volume"]);
    if (!this.past) {
      if (message.type === "snapshot") this.tape.replace(rows);
      else this.tape.add(rows);
      this.heatmap.addTrades(trades);
    }
    this.draw();
  }

  // The feed's time, as it was told last.
  private now(): number {
    return Math.max(this.book.time, this.stream.heartbeat?.time_ns ?? 0);
  }

  // The same for the eye: in between it runs at the pace that the feed had, so that the depth moves evenly.
  private edge(): number {
    if (this.past) return this.pastAt;
    const told = this.now();
    const at = performance.now();
    if (told !== this.pace.told) {
      const passed = at - this.pace.at;
      if (this.pace.told > 0 && passed > 0 && passed < 3_000) {
        const seen = Math.min(((told - this.pace.told) / 1e6) / passed, 10_000);
        this.pace.rate += (seen - this.pace.rate) * 0.1;
      }
      this.pace = { ...this.pace, told, at };
    }
    const beat = this.stream.heartbeat;
    const runs = beat?.state === "live" && !beat.session_ended && this.stream.link.state === "open";
    const edge = told + (runs ? Math.min(1_200, at - this.pace.at) * this.pace.rate * 1e6 : 0);
    this.pace.edge = edge < this.pace.edge && this.pace.edge - edge < 5e9 ? this.pace.edge : edge;
    return this.pace.edge;
  }

  private shownTime(): number {
    return this.past ? this.pastAt : this.now();
  }

  private async fetchReplay(from: number, to: number, step: number, signal?: AbortSignal): Promise<Replay> {
    const query = `from=${Math.round(from)}&to=${Math.round(to)}&step_ms=${step}&levels=${depth}`;
    const response = await fetch(`/v1/replay/${encodeURIComponent(this.symbol)}?${query}`, signal ? { signal } : {});
    const answer = (await response.json()) as Replay & { error?: string };
    if (!response.ok) throw new Error(answer.error ?? response.statusText);
    return answer;
  }

  private async backfill(): Promise<void> {
    const to = this.book.time;
    try {
      const replay = await this.fetchReplay(Math.max(0, to - framesBack * stepMs * 1e6), to, stepMs);
      if (!this.past) this.heatmap.prepend(replay.frames.map(frameOf), replay.trades.map(tradeOf));
    } catch {
      // The depth before now is not known, then; it fills up from here on.
    }
  }

  // The last request counts: dragging sends many.
  private rewind(timeNs: number): void {
    const now = this.now();
    const first = this.stream.heartbeat?.began_ns ?? 0;
    if (timeNs >= now) return this.goLive();
    this.pause();
    this.pastAt = Math.max(timeNs, first);
    this.past ??= this.book;
    void this.load(this.pastAt);
  }

  private async load(at: number): Promise<void> {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    this.scrubber.show(at, "loading");
    const first = this.stream.heartbeat?.began_ns ?? 0;
    const back = Math.max(0, Math.min(framesBack, Math.floor((at - first) / (stepMs * 1e6))));
    try {
      const replay = await this.fetchReplay(at - back * stepMs * 1e6, at, stepMs, request.signal);
      const frames = replay.frames;
      const last = frames[frames.length - 1];
      if (!last) throw new Error("nothing is known of that moment");
      this.past = bookOf(last);
      this.heatmap.clear();
      this.heatmap.replace(frames.map(frameOf), replay.trades.map(tradeOf));
      this.tape.replace(replay.trades);
      this.chart.mark(at);
      this.banner.hidden = true;
      this.draw();
    } catch (error) {
      if (!request.signal.aborted) this.complain(`This moment cannot be shown: ${(error as Error).message}`);
    }
  }

  private complain(words: string): void {
    this.banner.hidden = false;
    text(this.banner, words);
  }

  private goLive(): void {
    this.pause();
    this.request?.abort();
    this.banner.hidden = true;
    if (!this.past) return this.draw();
    this.past = null;
    this.chart.mark(null);
    this.heatmap.clear();
    this.heatmap.add(this.book);
    void this.backfill();
    // The tape of now is the server's to tell.
    this.stream.change(this.subscriptions[1]!, { tables: ["trades"], symbols: [this.symbol], interval_ms: 100 });
    this.draw();
  }

  private togglePlay(): void {
    if (this.playing) return this.pause();
    if (!this.past) return this.rewind(this.now() - 60e9);
    this.playing = {
      books: [], next: this.pastAt, loading: false, timer: window.setInterval(() => this.playOne(), playStepMs),
    };
    void this.loadAhead();
    this.draw();
  }

  private pause(): void {
    if (this.playing) clearInterval(this.playing.timer);
    this.playing = null;
    this.draw();
  }

  private async loadAhead(): Promise<void> {
    const playing = this.playing;
    if (!playing || playing.loading || playing.books.length > playFrames / 2) return;
    playing.loading = true;
    const step = playStepMs * this.scrubber.speed;
    const from = playing.next + step * 1e6;
    if (from > this.now()) {
      playing.loading = false;
      if (playing.books.length === 0) this.goLive();
      return;
    }
    try {
      const replay = await this.fetchReplay(from, from + (playFrames - 1) * step * 1e6, step);
      if (this.playing !== playing) return;
      for (const frame of replay.frames) playing.books.push(bookOf(frame));
      playing.next = replay.frames[replay.frames.length - 1]?.time_ns ?? playing.next;
      this.heatmap.addTrades(replay.trades.map(tradeOf));
      this.tape.add(replay.trades);
    } catch (error) {
      if (this.playing === playing) {
        this.complain(`The replay stopped: ${(error as Error).message}`);
        this.pause();
      }
    }
    playing.loading = false;
  }

  private playOne(): void {
    const book = this.playing?.books.shift();
    void this.loadAhead();
    if (!book) return;
    this.past = book;
    this.pastAt = book.time;
    this.heatmap.add(book);
    this.chart.mark(book.time);
    this.draw();
  }

  private fact(name: string, value: string, kind = ""): void {
    const node = this.facts.get(name)!;
    text(node, value);
    className(node, kind);
  }

  private redraw(): void {
    const book = this.past ?? this.book;
    const beat = this.stream.heartbeat;
    this.ladder.show(book);
    const bid = book.bids[0];
    const ask = book.asks[0];
    const last = this.past ? this.tape.trades[this.tape.trades.length - 1]?.price ?? null : this.lastTrade;
    const change = this.session.open && last ? last / this.session.open - 1 : null;
    this.fact("Last", format.price(last));
    this.fact("Change", format.percent(change), change == null || change === 0 ? "" : change > 0 ? "up" : "down");
    this.fact("Bid", bid ? `${format.price(bid[0])} × ${format.count(bid[1])}` : "–", "bidtext");
    this.fact("Ask", ask ? `${format.price(ask[0])} × ${format.count(ask[1])}` : "–", "asktext");
    this.fact("Spread", bid && ask ? format.price(ask[0] - bid[0]) : "–");
    const part = imbalance(book);
    this.fact("Imbalance", part == null ? "–" : `${part > 0 ? "+" : part < 0 ? "−" : ""}${Math.abs(part).toFixed(2)}`,
      part == null ? "" : part > 0 ? "up" : "down");
    this.fact("VWAP", format.fixed(this.session.vwap, 3));
    this.fact("High", format.price(this.session.high));
    this.fact("Low", format.price(this.session.low));
    this.fact("Volume", format.short(this.session.volume));
    text(this.quality, book.quality ? `book ${book.quality}` : "waiting for the book");
    className(this.quality, `chip quality ${qualityClass(book.quality)}`);
    text(this.state, book.state);
    className(this.state, `chip state ${book.state === "trading" ? "" : "unusual"}`);
    if (beat) this.scrubber.bounds(beat.began_ns, Math.max(this.now(), this.pastAt));
    this.scrubber.show(this.shownTime(), this.playing ? "playing" : this.past ? "paused" : "live");
    this.node.dataset["sequence"] = String(book.sequence);
    this.node.classList.toggle("is-past", this.past != null);
  }
}

function frameOf(frame: Replay["frames"][number]): Frame {
  return { time: frame.time_ns, bids: frame.bids, asks: frame.asks };
}

function bookOf(frame: Replay["frames"][number]): Book {
  return {
    bids: frame.bids, asks: frame.asks, quality: frame.quality, state: frame.state, time: frame.time_ns, sequence: frame.sequence,
  };
}
