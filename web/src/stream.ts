// The connection to /v1/stream: docs/formats/websocket.md. It comes back by itself and asks again for all that was
// asked for; whoever listens is told of every change of its state.

export interface Message {
  type: string;
  id?: number;
  table?: string;
  symbol?: string;
  n?: number;
  [name: string]: unknown;
}

export interface Heartbeat {
  session: string;
  sequence: number;
  time_ns: number;
  began_ns: number;
  captured_ns: number;
  now_ns: number;
  state: "starting" | "catching_up" | "live" | "failed";
  feed_state: string;
  session_ended: boolean;
  lag_records: number;
  error?: string;
}

export interface Wanted {
  tables: string[];
  symbols?: string[];
  depth?: number;
  interval_ms?: number;
  bar_seconds?: number;
  rows?: number;
  filter?: string;
}

export type LinkState = "connecting" | "open" | "silent" | "lost";

export interface Link {
  state: LinkState;
  retryAt: number; // By performance.now(), where the connection is lost.
  roundTripMs: number | null;
  lagMs: number; // How long the server waited for this client, last time; 0 where it did not.
}

type Listener = (message: Message) => void;

const silentAfterMs = 3_500;

export class Stream {
  readonly link: Link = { state: "connecting", retryAt: 0, roundTripMs: null, lagMs: 0 };
  heartbeat: Heartbeat | null = null;
  onLink: () => void = () => undefined;
  onHeartbeat: (heartbeat: Heartbeat) => void = () => undefined;

  private socket: WebSocket | null = null;
  private readonly subscriptions = new Map<number, { wanted: Wanted; listener: Listener; expected: Map<string, number> }>();
  private nextId = 1;
  private attempts = 0;
  private lastHeard = 0;
  private pingSent = 0;

  constructor(private readonly url: string) {
    setInterval(() => this.watch(), 500);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.link.state === "lost") this.open();
    });
    this.open();
  }

  subscribe(wanted: Wanted, listener: Listener): number {
    const id = this.nextId++;
    this.subscriptions.set(id, { wanted, listener, expected: new Map() });
    this.ask(id, wanted);
    return id;
  }

  // Asks for something else under the same number.
  change(id: number, wanted: Wanted): void {
    const subscription = this.subscriptions.get(id);
    if (!subscription) return;
    subscription.wanted = wanted;
    subscription.expected.clear();
    this.ask(id, wanted);
  }

  unsubscribe(id: number): void {
    if (!this.subscriptions.delete(id)) return;
    this.send({ op: "unsubscribe", id });
  }

  private ask(id: number, wanted: Wanted): void {
    this.send({ op: "subscribe", id, ...wanted });
  }

  private send(request: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(request));
  }

  private open(): void {
    this.socket?.close();
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.set("connecting");
    socket.onopen = () => {
      this.attempts = 0;
      this.lastHeard = performance.now();
      this.set("open");
      for (const [id, subscription] of this.subscriptions) {
        subscription.expected.clear();
        this.ask(id, subscription.wanted);
      }
    };
    socket.onmessage = (event) => {
      if (socket === this.socket) this.take(String(event.data));
    };
    socket.onclose = () => {
      if (socket === this.socket) this.lose();
    };
  }

  private lose(): void {
    this.socket = null;
    this.heartbeat = null;
    this.link.roundTripMs = null;
    const wait = Math.min(500 * 2 ** this.attempts, 8_000) * (0.8 + 0.4 * Math.random());
    ++this.attempts;
    this.link.retryAt = performance.now() + wait;
    this.set("lost");
    setTimeout(() => {
      if (this.link.state === "lost" && performance.now() >= this.link.retryAt - 20) this.open();
    }, wait);
  }

  private watch(): void {
    const now = performance.now();
    if (this.link.state === "lost") return this.onLink();
    if (this.link.state === "open" && now - this.lastHeard > silentAfterMs) this.set("silent");
    // A connection that has been dead for so long does not come back by itself.
    if (this.link.state === "silent" && now - this.lastHeard > 3 * silentAfterMs) this.open();
    if (this.link.state === "open" && now - this.pingSent > 2_000) {
      this.pingSent = now;
      this.send({ op: "ping", id: Math.round(now) });
    }
  }

  private set(state: LinkState): void {
    this.link.state = state;
    this.onLink();
  }

  private take(lines: string): void {
    this.lastHeard = performance.now();
    if (this.link.state !== "open") this.set("open");
    for (const line of lines.split("\n")) if (line) this.takeOne(JSON.parse(line) as Message);
  }

  private takeOne(message: Message): void {
    switch (message.type) {
      case "heartbeat":
        this.heartbeat = message as unknown as Heartbeat;
        return this.onHeartbeat(this.heartbeat);
      case "pong":
        this.link.roundTripMs = performance.now() - this.pingSent;
        return this.onLink();
      case "lag":
        this.link.lagMs = Number(message["blocked_ms"]);
        return this.onLink();
      case "snapshot":
      case "delta":
        return this.deliver(message);
    }
  }

  // The numbers of a channel leave none out; if one ever did, everything is asked for anew.
  private deliver(message: Message): void {
    const subscription = this.subscriptions.get(message.id ?? -1);
    if (!subscription) return;
    const channel = `${message.table}/${message.symbol ?? ""}`;
    const expected = subscription.expected.get(channel);
    if (message.type === "delta" && expected !== message.n) return this.change(message.id!, subscription.wanted);
    subscription.expected.set(channel, message.n! + 1);
    subscription.listener(message);
  }
}
