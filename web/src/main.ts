// The page: what is shown where, the keys, and the line on top that always says how good what is shown is.

import "./style.css";
import { Alerts } from "./alerts";
import { className, el, text } from "./dom";
import * as format from "./format";
import { Overview } from "./overview";
import { Pipeline } from "./pipeline";
import { Stream } from "./stream";
import { SymbolView } from "./symbol";

export interface View {
  readonly node: HTMLElement;
  readonly title: string;
  show(): void;
  hide(): void;
  key(event: KeyboardEvent): boolean; // True where it was for this view.
  restyle?(): void;
  tick?(): void;
}

const keys: [string, string][] = [
  ["?", "this help"], ["o", "overview of all symbols"], ["p", "the pipeline"], ["a", "alerts"], ["/", "filter the symbols, or go to one"], ["t", "dark or light"],
  ["↑ ↓  j k", "choose a symbol"], ["Enter", "open it"], ["Esc", "back to the overview"],
  ["← →", "a second back or on (Shift: a minute, Alt: 0.1 s)"], ["Space", "play from there, or pause"], ["s", "speed of playing"], ["l", "back to live"],
  ["b", "bars of a minute or a second"], ["+ −", "zoom the depth"],
];

class Page {
  private readonly stream = new Stream(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/stream`);
  private readonly overview = new Overview(this.stream, (symbol) => this.go(`#/symbol/${encodeURIComponent(symbol)}`));
  private readonly pipeline = new Pipeline(this.stream);
  private readonly alerts = new Alerts((hash) => this.go(hash));
  private view: View | null = null;
  private symbol: SymbolView | null = null;
  private readonly main = el("main");
  private readonly clock = el("span", { class: "clock", title: "The feed's time" });
  private readonly session = el("span", { class: "muted session" });
  private readonly feed = el("span", { class: "chip" });
  private readonly link = el("span", { class: "chip" });
  private readonly lost = el("div", { class: "lost", role: "alert", hidden: true });
  private readonly tabs = new Map<string, HTMLAnchorElement>();
  private readonly help = this.makeHelp();

  constructor(root: HTMLElement) {
    const tab = (name: string, href: string) => {
      const node = el("a", { href }, name);
      this.tabs.set(name, node);
      return node;
    };
    root.append(
      el("header", { class: "top" },
        el("a", { class: "brand", href: "#/" }, mark(), "Tapeline"),
        el("nav", {}, tab("Overview", "#/"), tab("Alerts", "#/alerts"), tab("Pipeline", "#/pipeline")),
        el("div", { class: "state" }, this.session, this.clock, this.feed, this.link,
          el("button", { class: "icon", title: "Dark or light (t)", "aria-label": "Dark or light", click: () => this.switchTheme() }, "◐"),
          el("button", { class: "icon", title: "Help (?)", "aria-label": "Help", click: () => this.help.showModal() }, "?"))),
      this.lost, this.main, this.help);
    this.stream.onLink = () => this.drawState();
    this.stream.onHeartbeat = () => {
      this.drawState();
      this.view?.tick?.();
    };
    addEventListener("hashchange", () => this.route());
    addEventListener("keydown", (event) => this.key(event));
    this.route();
    this.drawState();
  }

  private go(hash: string): void {
    location.hash = hash;
  }

  private route(): void {
    const [, symbol, at] = /^#\/symbol\/([^?]+)(?:\?at=(\d+))?$/.exec(location.hash) ?? [];
    if (symbol) {
      this.symbol = new SymbolView(decodeURIComponent(symbol), this.stream, at ? Number(at) : null);
      this.open(this.symbol);
    } else if (location.hash === "#/pipeline") {
      this.open(this.pipeline);
    } else if (location.hash === "#/alerts") {
      this.open(this.alerts);
    } else {
      this.open(this.overview);
    }
  }

  private open(view: View): void {
    this.view?.hide();
    this.view = view;
    this.main.replaceChildren(view.node);
    document.title = `${view.title} · Tapeline`;
    for (const [name, node] of this.tabs) node.toggleAttribute("aria-current", name === view.title);
    view.show();
    scrollTo(0, 0);
  }

  private key(event: KeyboardEvent): void {
    if (this.help.open || event.ctrlKey || event.metaKey) return;
    const writing = event.target instanceof HTMLInputElement && event.target.type !== "range";
    if (this.view?.key(event)) return event.preventDefault();
    if (writing) return;
    switch (event.key) {
      case "?": this.help.showModal(); break;
      case "o": case "Escape": this.go("#/"); break;
      case "p": this.go("#/pipeline"); break;
      case "a": this.go("#/alerts"); break;
      case "t": this.switchTheme(); break;
      case "/":
        this.go("#/");
        setTimeout(() => document.querySelector<HTMLInputElement>("input[type=search]")?.focus(), 50);
        break;
      default: return;
    }
    event.preventDefault();
  }

  private switchTheme(): void {
    const light = document.documentElement.dataset["theme"] === "light";
    document.documentElement.dataset["theme"] = light ? "dark" : "light";
    try {
      localStorage.setItem("theme", light ? "dark" : "light");
    } catch {
      // Nothing is remembered, then.
    }
    this.view?.restyle?.();
  }

  private drawState(): void {
    const { state, retryAt, roundTripMs, lagMs } = this.stream.link;
    const beat = this.stream.heartbeat;
    const wait = Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
    const told = { connecting: "connecting", silent: "no news", lost: "disconnected" } as const;
    text(this.link, state === "open" ? `connected${roundTripMs == null ? "" : ` ${Math.max(1, Math.round(roundTripMs))} ms`}` : told[state]);
    className(this.link, `chip link ${state === "open" ? (lagMs > 1000 ? "warn" : "good") : "bad"}`);
    this.link.title = lagMs > 0 ? `The server waited ${lagMs} ms for this page` : "The connection to the server";
    this.lost.hidden = state === "open" || (state === "connecting" && !beat && this.lost.hidden);
    text(this.lost, state === "lost"
      ? `The connection is lost: what you see is not the market any more. Trying again ${wait > 0 ? `in ${wait} s` : "now"}.`
      : state === "silent" ? "Nothing has come from the server for some seconds: what you see may be old." : "Connecting again …");
    document.documentElement.classList.toggle("is-lost", !this.lost.hidden);
    text(this.clock, beat ? format.time(beat.time_ns, 1) : "––:––:––");
    text(this.session, beat?.session ? `session ${beat.session}` : "");
    this.drawFeed();
  }

  private drawFeed(): void {
    const beat = this.stream.heartbeat;
    const [words, kind] = !beat ? ["unknown", "unknown"]
      : beat.state === "failed" ? ["the log cannot be read", "bad"]
      : beat.state === "catching_up" ? ["catching up", "warn"]
      : beat.state === "starting" ? ["waiting for a session", "warn"]
      : beat.session_ended ? ["session over", "ended"]
      : beat.feed_state === "none" ? ["recording", "ended"]
      : [`feed ${beat.feed_state}`, beat.feed_state === "live" ? "good" : "bad"];
    text(this.feed, words!);
    className(this.feed, `chip ${kind!}`);
    this.feed.title = beat?.error ?? (beat?.feed_state === "none" ? "No pipeline answers on this data folder: the log is shown as it is" : "");
  }

  private makeHelp(): HTMLDialogElement {
    const dialog = el("dialog", { class: "help", "aria-label": "Help" });
    dialog.append(
      el("h2", {}, "Keys"),
      el("dl", {}, ...keys.flatMap(([key, meaning]) => [el("dt", {}, ...key.split(" ").filter(Boolean).map((one) => el("kbd", {}, one))), el("dd", {}, meaning)])),
      el("p", { class: "muted" }, "Every number comes from the books that this server keeps from the log. “book good” means that nothing is missing from it; ",
        "gapped, recovering, stale, crossed and suspect say what is wrong."),
      el("p", { class: "muted" }, "The same data: ", el("a", { href: "/openapi.json" }, "openapi.json"), ", ", el("a", { href: "/metrics" }, "metrics"), ". ",
        "Charts: TradingView Lightweight Charts™ and uPlot. Type: Inter."),
      el("form", { method: "dialog" }, el("button", { class: "primary" }, "Close")));
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    return dialog;
  }
}

function mark(): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 20");
  svg.setAttribute("aria-hidden", "true");
  for (const [x, y, width, kind] of [[0, 0, 16, "bid"], [0, 5.4, 10, "bid"], [0, 10.8, 13, "ask"], [0, 16.2, 22, "ask"]] as const) {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ x, y, width, height: 3.6, rx: 1, class: kind })) bar.setAttribute(name, String(value));
    svg.append(bar);
  }
  return svg;
}

let theme: string | null = null;
try {
  theme = localStorage.getItem("theme");
} catch {
  // The system's choice, then.
}
document.documentElement.dataset["theme"] = theme ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
new Page(document.querySelector("#app")!);
