"""The compact form of the stream's messages, read by docs/formats/websocket.md: each becomes what JSON would have said."""

import math
import struct

TABLES = ["book", "bbo", "trades", "bars"]
KINDS = ["displayed", "hidden", "cross", "broken"]
STATES = {"H": "halted", "P": "paused", "Q": "quotation only", "T": "trading", "\0": "unknown"}
QUALITIES = ["gapped", "recovering", "stale", "crossed", "suspect"]
HEADER = struct.Struct("<IBBHIIQQQ10sBcI8s")


def price(ticks):
    return None if ticks == 0 else ticks / 10_000


def rounded(value, decimals):
    return None if math.isnan(value) else float(f"{value:.{decimals}f}")


def quality(flags):
    return "+".join(name for bit, name in enumerate(QUALITIES) if flags >> bit & 1) or "good"


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, layout):
        size = struct.calcsize(layout)
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += size
        return values


def read_book(reader):
    changes, bids, asks = reader.take("<QII")
    sides = {}
    for name, count in (("bids", bids), ("asks", asks)):
        levels = [reader.take("<IIQ") for _ in range(count)]
        sides[name] = [[price(ticks), size, orders] for ticks, orders, size in levels]
    return {"changes": changes, **sides}


def read_bbo(reader):
    changes, bid, ask, bid_size, ask_size = reader.take("<QIIQQ")
    return {"changes": changes, "bid": price(bid), "bid_size": bid_size, "ask": price(ask), "ask_size": ask_size}


def read_trades(reader):
    missed, volume, vwap, first, high, low, count = reader.take("<QQdIIII")
    trades = []
    for _ in range(count):
        number, time_ns, size, match, sequence, ticks, aggressor, kind, flags, _ = reader.take("<QQQQQIcBBB")
        trades.append([number, time_ns, price(ticks), size, None if aggressor == b"\0" else aggressor.decode(),
                       KINDS[kind], match, sequence, quality(flags)])
    return {"missed": missed, "volume": volume, "open": price(first), "high": price(high), "low": price(low),
            "vwap": rounded(vwap, 4), "trades": trades}


def read_bars(reader):
    missed, width_s, count = reader.take("<QII")
    bars = []
    for _ in range(count):
        (start_s, first, high, low, close, trades, volume, buys, sells, flow, vwap, spread,
         flags) = reader.take("<IIIIIIQQQqddB7x")
        bars.append([start_s, price(first), price(high), price(low), price(close), rounded(vwap, 6), volume, buys, sells,
                     trades, flow, rounded(spread, 6), quality(flags)])
    return {"missed": missed, "width_s": width_s, "bars": bars}


BODIES = {"book": read_book, "bbo": read_bbo, "trades": read_trades, "bars": read_bars}


def decode(data):
    """The messages of one WebSocket message."""
    messages = []
    while data:
        (size, table, kind, version, identifier, _, number, sequence, time_ns, session, flags, state, _,
         symbol) = HEADER.unpack_from(data)
        assert version == 1 and HEADER.size <= size <= len(data), f"version {version}, {size} bytes of {len(data)}"
        name = TABLES[table]
        message = {"type": ["snapshot", "delta"][kind], "table": name, "id": identifier,
                   "symbol": symbol.decode().rstrip(), "n": number, "session": session.decode().rstrip(),
                   "sequence": sequence, "time_ns": time_ns}
        if name in ("book", "bbo"):
            message |= {"quality": quality(flags), "state": STATES[state.decode()]}
        reader = Reader(data[HEADER.size:size])
        messages.append(message | BODIES[name](reader))
        assert reader.at == size - HEADER.size, f"{size - HEADER.size - reader.at} bytes too many"
        data = data[size:]
    return messages
