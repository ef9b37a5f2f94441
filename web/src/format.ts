// How numbers and times are written, everywhere alike.

export type Maybe = number | null | undefined;

const grouped = new Intl.NumberFormat("en-US");
const none = "–";

export function price(value: Maybe, decimals = 2): string {
  if (value == null || !Number.isFinite(value)) return none;
  // Sub-penny prices keep the digits that they have.
  const exact = Math.abs(value * 100 - Math.round(value * 100)) > 1e-6 ? 4 : decimals;
  return value.toFixed(exact);
}

export function fixed(value: Maybe, decimals: number): string {
  return value == null || !Number.isFinite(value) ? none : value.toFixed(decimals);
}

// For columns: prices with two and with four digits stand with their points below each other.
export function columnPrice(value: Maybe): string {
  const text = price(value);
  return text.length - text.indexOf(".") === 3 ? `${text}\u2007\u2007` : text;
}

export function count(value: Maybe): string {
  return value == null || !Number.isFinite(value) ? none : grouped.format(Math.round(value));
}

// 12,345 as it is, beyond that 1.23 M.
export function short(value: Maybe): string {
  if (value == null || !Number.isFinite(value)) return none;
  const size = Math.abs(value);
  for (const [unit, at] of [["B", 1e9], ["M", 1e6], ["k", 1e4]] as const) {
    if (size >= at) {
      const scaled = value / (unit === "k" ? 1e3 : at);
      return `${scaled.toFixed(Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2)} ${unit}`;
    }
  }
  return size < 10 && size !== Math.round(size) ? value.toFixed(1) : grouped.format(Math.round(value));
}

export function percent(value: Maybe, decimals = 2): string {
  if (value == null || !Number.isFinite(value)) return none;
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${(Math.abs(value) * 100).toFixed(decimals)} %`;
}

export function bytes(value: Maybe): string {
  if (value == null || !Number.isFinite(value)) return none;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    ++unit;
  }
  return `${scaled.toFixed(unit === 0 || scaled >= 100 ? 0 : 1)} ${units[unit]}`;
}

export function duration(ns: Maybe): string {
  if (ns == null || !Number.isFinite(ns)) return none;
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(ns < 1e4 ? 1 : 0)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(ns < 1e7 ? 1 : 0)} ms`;
  if (ns < 60e9) return `${(ns / 1e9).toFixed(1)} s`;
  const minutes = Math.floor(ns / 60e9);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// The exchange's time of day from nanoseconds since its midnight, with so many digits behind the point.
export function time(ns: Maybe, digits = 3): string {
  if (ns == null || !Number.isFinite(ns)) return none;
  const seconds = Math.floor(ns / 1e9);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  if (digits === 0) return clock;
  return `${clock}.${String(Math.floor(ns % 1e9)).padStart(9, "0").slice(0, digits)}`;
}
