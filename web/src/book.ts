// One order book as the stream or a replay tells it.

export type Level = [price: number, size: number, orders: number];

export interface Book {
  bids: Level[]; // Best first.
  asks: Level[];
  quality: string;
  state: string;
  time: number;
  sequence: number;
}

export function emptyBook(): Book {
  return { bids: [], asks: [], quality: "", state: "unknown", time: 0, sequence: 0 };
}

interface BookMessage {
  type: string;
  quality: string;
  state: string;
  time_ns: number;
  sequence: number;
  bids: Level[];
  asks: Level[];
}

function merge(levels: Level[], changes: Level[], descending: boolean): Level[] {
  if (changes.length === 0) return levels;
  const byPrice = new Map(levels.map((level) => [level[0], level]));
  for (const change of changes) {
    if (change[1] === 0) byPrice.delete(change[0]);
    else byPrice.set(change[0], change);
  }
  return [...byPrice.values()].sort((a, b) => (descending ? b[0] - a[0] : a[0] - b[0]));
}

export function apply(book: Book, message: unknown): Book {
  const told = message as BookMessage;
  const anew = told.type === "snapshot";
  return {
    bids: merge(anew ? [] : book.bids, told.bids, true),
    asks: merge(anew ? [] : book.asks, told.asks, false),
    quality: told.quality,
    state: told.state,
    time: told.time_ns,
    sequence: told.sequence,
  };
}

export function mid(book: Book): number | null {
  const bid = book.bids[0];
  const ask = book.asks[0];
  return bid && ask ? (bid[0] + ask[0]) / 2 : null;
}

export function imbalance(book: Book): number | null {
  const bid = book.bids[0];
  const ask = book.asks[0];
  return bid && ask ? (bid[1] - ask[1]) / (bid[1] + ask[1]) : null;
}

export interface Trade {
  number: number;
  time: number;
  price: number;
  size: number;
  aggressor: "B" | "S" | null;
  kind: string;
  match: number;
  broken: boolean;
}

export function tradeOf(row: unknown[]): Trade {
  return {
    number: Number(row[0]),
    time: Number(row[1]),
    price: Number(row[2]),
    size: Number(row[3]),
    aggressor: row[4] as Trade["aggressor"],
    kind: String(row[5]),
    match: Number(row[6]),
    broken: row[5] === "broken",
  };
}

export function qualityClass(quality: string): string {
  if (quality === "good") return "good";
  if (quality === "") return "unknown";
  return /gapped|suspect|stale/.test(quality) ? "bad" : "warn";
}
