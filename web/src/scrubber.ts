// The session's time as a line to move along: back to any moment, and forward from there.

import { el, text } from "./dom";
import * as format from "./format";

export const speeds = [1, 2, 5, 10, 60];

export class Scrubber {
  readonly node = el("div", { class: "scrubber" });
  private readonly slider = el("input", {
    type: "range", min: "0", max: "10000", value: "10000", step: "1", "aria-label": "Moment of the session",
    input: () => this.seek(this.valueOfSlider()),
  });
  private readonly label = el("input", {
    class: "clock", type: "text", spellcheck: "false", "aria-label": "Time of the session", title: "Type a time: 10:30:00.5",
    change: () => this.readLabel(), focus: () => this.label.select(),
  });
  private readonly playButton = el("button", { class: "icon", title: "Play or pause (space)", click: () => this.onPlay() }, "▶");
  private readonly liveButton = el("button", { class: "live", title: "Back to now (l)", click: () => this.onLive() }, "LIVE");
  private readonly speedButton = el("button", {
    class: "icon", title: "Speed (s)", click: () => this.nextSpeed(),
  }, "1×");
  private readonly begin = el("span", { class: "muted" });
  private readonly end = el("span", { class: "muted" });
  private first = 0;
  private last = 0;
  speed = 1;
  onSeek: (timeNs: number) => void = () => undefined;
  onPlay: () => void = () => undefined;
  onLive: () => void = () => undefined;

  constructor() {
    this.node.append(this.playButton, this.speedButton, this.label, this.begin, this.slider, this.end, this.liveButton);
  }

  bounds(first: number, last: number): void {
    this.first = first;
    this.last = last;
    text(this.begin, format.time(first, 0));
    text(this.end, format.time(last, 0));
    this.slider.disabled = !(last > first);
  }

  show(timeNs: number, mode: "live" | "paused" | "playing" | "loading"): void {
    const part = this.last > this.first ? (timeNs - this.first) / (this.last - this.first) : 1;
    if (document.activeElement !== this.slider || mode !== "loading") this.slider.value = String(Math.round(part * 10_000));
    this.slider.style.setProperty("--part", `${Math.min(100, Math.max(0, part * 100))}%`);
    if (document.activeElement !== this.label) this.label.value = format.time(timeNs, 3);
    this.node.dataset["mode"] = mode;
    text(this.playButton, mode === "playing" ? "❚❚" : "▶");
    this.liveButton.setAttribute("aria-pressed", String(mode === "live"));
  }

  nextSpeed(): void {
    this.speed = speeds[(speeds.indexOf(this.speed) + 1) % speeds.length]!;
    text(this.speedButton, `${this.speed}×`);
  }

  private valueOfSlider(): number {
    return this.first + (Number(this.slider.value) / 10_000) * (this.last - this.first);
  }

  private seek(timeNs: number): void {
    this.onSeek(Math.round(Math.min(Math.max(timeNs, this.first), this.last)));
  }

  private readLabel(): void {
    const match = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/.exec(this.label.value.trim());
    if (match) {
      const [, hours, minutes, seconds = "0", fraction = ""] = match;
      const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
      this.label.blur();
      this.seek(whole * 1e9 + Number(fraction.padEnd(9, "0") || "0"));
    }
  }
}
