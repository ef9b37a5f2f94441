// Candlesticks with VWAP, order flow imbalance and spread, on one axis of time.

import {
  CandlestickSeries, ColorType, createChart, CrosshairMode, HistogramSeries, LineSeries, type IChartApi, type ISeriesApi,
  type UTCTimestamp,
} from "lightweight-charts";
import { cssColor, el } from "./dom";
import * as format from "./format";

type Bar = [
  start: number, open: number | null, high: number | null, low: number | null, close: number | null, vwap: number | null,
  volume: number, buy: number, sell: number, trades: number, flow: number, spread: number | null, quality: string,
];

export class Chart {
  readonly node = el("div", { class: "chart" });
  private readonly box = el("div", { class: "chartbox" });
  private readonly legend = el("div", { class: "legend" });
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly vwap: ISeriesApi<"Line">;
  private readonly flow: ISeriesApi<"Histogram">;
  private readonly spread: ISeriesApi<"Line">;
  private bars = new Map<number, Bar>();

  constructor() {
    this.node.append(this.box, this.legend);
    this.chart = createChart(this.box, {
      autoSize: true,
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { timeVisible: true, secondsVisible: false, borderVisible: false, rightOffset: 4 },
      rightPriceScale: { borderVisible: false },
      localization: { timeFormatter: (at: UTCTimestamp) => format.time(Number(at) * 1e9, 0) },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, { borderVisible: false, priceLineVisible: false });
    this.vwap = this.chart.addSeries(LineSeries, {
      lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false,
    });
    this.flow = this.chart.addSeries(HistogramSeries, {
      priceLineVisible: false, lastValueVisible: false, priceFormat: { type: "volume" },
    }, 1);
    this.spread = this.chart.addSeries(LineSeries, {
      lineWidth: 1, priceLineVisible: false, lastValueVisible: false,
      priceFormat: { type: "price", precision: 3, minMove: 0.001 },
    }, 2);
    const panes = this.chart.panes();
    panes[0]?.setStretchFactor(5);
    panes[1]?.setStretchFactor(1.5);
    panes[2]?.setStretchFactor(1.3);
    this.chart.subscribeCrosshairMove((event) => this.describe(event.time == null ? null : Number(event.time)));
    this.restyle();
  }

  restyle(): void {
    const up = cssColor("--bid");
    const down = cssColor("--ask");
    this.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: "transparent" }, textColor: cssColor("--muted"), fontSize: 11,
        fontFamily: cssColor("--font"), attributionLogo: false,
        panes: { separatorColor: cssColor("--line"), enableResize: true },
      },
      grid: { vertLines: { color: cssColor("--grid") }, horzLines: { color: cssColor("--grid") } },
    });
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    this.vwap.applyOptions({ color: cssColor("--accent") });
    this.spread.applyOptions({ color: cssColor("--warn") });
    if (this.bars.size > 0) this.rebuild();
  }

  clear(): void {
    this.bars.clear();
    this.rebuild();
  }

  take(rows: Bar[], anew: boolean, widthSeconds: number): void {
    this.chart.applyOptions({ timeScale: { secondsVisible: widthSeconds < 60 } });
    const last = Math.max(-1, ...this.bars.keys());
    if (anew) this.bars.clear();
    for (const row of rows) this.bars.set(row[0], row);
    if (anew || rows.some((row) => row[0] < last)) {
      this.rebuild();
      if (anew) this.fit();
    } else {
      for (const row of rows) this.update(row);
    }
    this.describe(null);
  }

  fit(): void {
    const bars = this.bars.size;
    if (bars > 160) this.chart.timeScale().setVisibleLogicalRange({ from: bars - 160, to: bars + 4 });
    else this.chart.timeScale().fitContent();
  }

  // Shows which moment the rest of the page is at.
  mark(timeNs: number | null): void {
    if (timeNs == null) return this.chart.clearCrosshairPosition();
    let at: Bar | undefined;
    for (const bar of this.bars.values()) if (bar[0] * 1e9 <= timeNs) at = bar;
    if (!at) return this.chart.clearCrosshairPosition();
    const index = [...this.bars.keys()].sort((a, b) => a - b).indexOf(at[0]);
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (range && (index < range.from + 2 || index > range.to - 2)) {
      const half = (range.to - range.from) / 2;
      scale.setVisibleLogicalRange({ from: index - half, to: index + half });
    }
    this.chart.setCrosshairPosition(at[4] ?? at[5] ?? 0, at[0] as UTCTimestamp, this.candles);
    this.describe(at[0]);
  }

  private candle(bar: Bar) {
    const time = bar[0] as UTCTimestamp;
    if (bar[1] == null) return { time };
    return { time, open: bar[1], high: bar[2]!, low: bar[3]!, close: bar[4]! };
  }

  private flowOf(bar: Bar) {
    return { time: bar[0] as UTCTimestamp, value: bar[10], color: cssColor(bar[10] >= 0 ? "--bid" : "--ask") };
  }

  private line(bar: Bar, index: 5 | 11) {
    const time = bar[0] as UTCTimestamp;
    return bar[index] == null ? { time } : { time, value: bar[index] };
  }

  private update(bar: Bar): void {
    this.candles.update(this.candle(bar));
    this.vwap.update(this.line(bar, 5));
    this.flow.update(this.flowOf(bar));
    this.spread.update(this.line(bar, 11));
  }

  private rebuild(): void {
    const bars = [...this.bars.values()].sort((a, b) => a[0] - b[0]);
    this.candles.setData(bars.map((bar) => this.candle(bar)));
    this.vwap.setData(bars.map((bar) => this.line(bar, 5)));
    this.flow.setData(bars.map((bar) => this.flowOf(bar)));
    this.spread.setData(bars.map((bar) => this.line(bar, 11)));
  }

  private describe(time: number | null): void {
    const bar = time == null ? [...this.bars.values()].pop() : this.bars.get(time);
    if (!bar) {
      this.legend.textContent = "No bars yet";
      return;
    }
    const part = (name: string, value: string, kind = "") => el("span", {}, `${name} `, el("b", { class: kind }, value));
    this.legend.replaceChildren(
      el("span", { class: "muted" }, format.time(bar[0] * 1e9, 0)), part("O", format.price(bar[1])), part("H", format.price(bar[2])),
      part("L", format.price(bar[3])), part("C", format.price(bar[4])), part("VWAP", format.fixed(bar[5], 3), "accent"),
      part("Vol", format.short(bar[6])), part("OFI", format.short(bar[10]), bar[10] >= 0 ? "up" : "down"),
      part("Spread", format.fixed(bar[11], 3), "warn"));
    if (bar[12] !== "good") this.legend.append(el("span", { class: "down" }, bar[12]));
  }
}
