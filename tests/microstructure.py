"""Microstructure metrics from the messages of an ITCH feed in plain Python: what test_metrics holds the program to.

Nothing here is fast or shared with the program: a book is a dict, a window is a list of what happened in it, and every
metric is computed at the end from lists, as its equation says.
"""

import bisect
import collections
import math
import struct

SECOND = 1_000_000_000
NONE = None

# Of every message that changed a symbol's book or traded in it: the best prices and levels after it.
Trade = collections.namedtuple("Trade", "sequence time price shares buyer displayed printable bid ask cross")
Order = collections.namedtuple("Order", "sequence time what shares entered left")
Quote = collections.namedtuple("Quote", "sequence time bid bid_size ask ask_size")
Message = collections.namedtuple("Message", "sequence time levels")  # The best levels of both sides after it.


class Symbol:
    def __init__(self):
        self.name = ""
        self.tier = " "
        self.sides = ({}, {})  # Price to [shares of each order]; the bids first.
        self.trades, self.orders, self.quotes, self.levels, self.imbalances = [], [], [], [], []
        self.messages = []  # Those that changed the book or traded.
        self.snapshots = {}  # Window number to the levels of both sides at its end.
        self.queues = {}  # Window number to the best queue of both sides at its end: [(ref, shares)].
        self.last_change = 0

    def best(self):
        bids, asks = self.sides
        bid, ask = max(bids, default=0), min(asks, default=0)
        return bid, sum(bids[bid].values()) if bid else 0, ask, sum(asks[ask].values()) if ask else 0

    def top(self, count):
        """The best levels of each side, as (price, shares), best first."""
        bids, asks = self.sides
        return ([(p, sum(bids[p].values())) for p in sorted(bids, reverse=True)[:count]],
                [(p, sum(asks[p].values())) for p in sorted(asks)[:count]])


class Market:
    """The books of a feed, and the history of each symbol. `window_ns` is the width at whose multiples the best
    `levels` are kept for symbols that changed in the window."""

    def __init__(self, window_ns, levels):
        self.window_ns, self.levels = window_ns, levels
        self.symbols = collections.defaultdict(Symbol)
        self.live = {}  # Reference to (locate, side, price, entered).
        self.open_window = 0
        self.touched = set()

    def read(self, data):
        at, sequence = 0, 0
        while at + 2 <= len(data):
            length = int.from_bytes(data[at:at + 2], "big")
            if length == 0:
                break
            sequence += 1
            self.take(sequence, data[at + 2:at + 2 + length])
            at += 2 + length
        self.close_window()
        return self

    def close_window(self):
        for locate in self.touched:
            symbol = self.symbols[locate]
            symbol.snapshots[self.open_window] = symbol.top(self.levels)
            symbol.queues[self.open_window] = [
                [(price, ref, shares, self.live[ref][3]) for ref, shares in side.get(price, {}).items()]
                for side, price in zip(symbol.sides, symbol.best()[::2])]
        self.touched = set()

    def take(self, sequence, m):
        kind, locate, time = chr(m[0]), int.from_bytes(m[1:3], "big"), int.from_bytes(m[5:11], "big")
        if time // self.window_ns != self.open_window:
            self.close_window()
            self.open_window = time // self.window_ns
        symbol = self.symbols[locate]
        before, top = symbol.best(), symbol.top(5)
        self.sequence, self.time, self.locate = sequence, time, locate
        handler = getattr(self, "on_" + kind, None)
        if handler is None:
            return
        changes, trades = len(symbol.orders), len(symbol.trades)
        handler(symbol, m)
        after = symbol.best()
        if len(symbol.orders) > changes or any(t.printable and t.shares for t in symbol.trades[trades:]):
            symbol.messages.append(Message(sequence, time, symbol.top(self.levels)))
        if after != before:
            symbol.quotes.append(Quote(sequence, time, *after))
        if symbol.top(5) != top:
            symbol.levels.append((sequence, time, top, symbol.top(5)))

    def note(self, symbol, what, shares, entered, left):
        symbol.orders.append(Order(self.sequence, self.time, what, shares, entered, left))
        self.touched.add(self.locate)

    def add(self, symbol, ref, side, shares, price):
        symbol.sides[side].setdefault(price, {})[ref] = shares
        self.live[ref] = (self.locate, side, price, self.time)
        self.note(symbol, "add", shares, self.time, shares)

    def reduce(self, symbol, ref, shares, what):
        """Takes shares, or all where None, from an order; returns its side and price."""
        _, side, price, entered = self.live[ref]
        level = symbol.sides[side][price]
        shares = level[ref] if shares is None else shares
        level[ref] -= shares
        left = level[ref]
        if left == 0:
            del level[ref], self.live[ref]
        if not level:
            del symbol.sides[side][price]
        self.note(symbol, what, shares, entered, left)
        return side, price

    def on_R(self, symbol, m):
        symbol.name, symbol.tier = m[11:19].decode().strip(), chr(m[32])

    def on_A(self, symbol, m):
        ref, side, shares, _, price = struct.unpack(">QcI8sI", m[11:36])
        self.add(symbol, ref, 0 if side == b"B" else 1, shares, price)

    on_F = on_A

    def execute(self, symbol, ref, shares, price, printable):
        bid, _, ask, _ = symbol.best()
        side, own_price = self.reduce(symbol, ref, shares, "execute")
        symbol.trades.append(Trade(self.sequence, self.time, own_price if price is None else price, shares, side == 1,
                                   True, printable, bid, ask, ""))

    def on_E(self, symbol, m):
        self.execute(symbol, *struct.unpack(">QI", m[11:23]), None, True)

    def on_C(self, symbol, m):
        ref, shares, _, printable, price = struct.unpack(">QIQcI", m[11:36])
        self.execute(symbol, ref, shares, price, printable == b"Y")

    def on_X(self, symbol, m):
        ref, shares = struct.unpack(">QI", m[11:23])
        self.reduce(symbol, ref, shares, "cancel")

    def on_D(self, symbol, m):
        self.reduce(symbol, int.from_bytes(m[11:19], "big"), None, "cancel")

    def on_U(self, symbol, m):
        ref, new_ref, shares, price = struct.unpack(">QQII", m[11:35])
        side, _ = self.reduce(symbol, ref, None, "replace")
        self.add(symbol, new_ref, side, shares, price)

    def on_P(self, symbol, m):
        _, _, shares, _, price, _ = struct.unpack(">QcI8sIQ", m[11:44])
        bid, _, ask, _ = symbol.best()
        symbol.trades.append(Trade(self.sequence, self.time, price, shares, False, False, True, bid, ask, ""))

    def on_Q(self, symbol, m):
        shares, _, price, _, cross = struct.unpack(">Q8sIQc", m[11:40])
        bid, _, ask, _ = symbol.best()
        symbol.trades.append(Trade(self.sequence, self.time, price, shares, False, False, True, bid, ask, cross.decode()))

    def on_I(self, symbol, m):
        paired, imbalance, direction, _, far, near, reference, cross, variation = struct.unpack(">QQc8sIIIcc", m[11:50])
        bid, _, ask, _ = symbol.best()
        symbol.imbalances.append((self.sequence, paired, imbalance, direction.decode(), far, near, reference,
                                  cross.decode(), bid, ask))


def windows(times, width):
    """Numbers of the windows that hold any of these times, in order."""
    return sorted({time // width for time in times})


def ratio(part, whole):
    return part / whole if whole else NONE


def quote_before(quotes, time, times=None):
    """The quote that stood just before a time; None before the first."""
    at = bisect.bisect_left(times if times is not None else [q.time for q in quotes], time)
    return quotes[at - 1] if at else None


def twice_mid(quote):
    return quote.bid + quote.ask if quote and quote.bid and quote.ask else 0


def pressure(is_bid, before, after):
    """The terms of one side in the contribution of Cont, Kukanov and Stoikov; levels are (price, shares) or None."""
    if not is_bid:
        return -pressure(True, before and (-before[0], before[1]), after and (-after[0], after[1]))
    old_price, old_size = before or (-math.inf, 0)
    new_price, new_size = after or (-math.inf, 0)
    return (new_size if new_price >= old_price else 0) - (old_size if new_price <= old_price else 0)


def flow(symbol, width):
    quote_times = [quote.time for quote in symbol.quotes]
    rows = {}
    events = collections.defaultdict(set)
    for sequence, time, _, _ in symbol.levels:
        events[time // width].add(sequence)
    traded = [trade for trade in symbol.trades if trade.displayed and trade.printable]
    for trade in traded:
        events[trade.time // width].add(trade.sequence)
    for window, sequences in sorted(events.items()):
        start, end = window * width, (window + 1) * width
        ofi = [0] * 5
        for _, _, before, after in (level for level in symbol.levels if level[1] // width == window):
            for m in range(5):
                for side in (0, 1):
                    old, new = (levels[side][m] if m < len(levels[side]) else None for levels in (before, after))
                    ofi[m] += pressure(side == 0, old, new)
        inside = [trade for trade in traded if trade.time // width == window]
        bought = sum(trade.shares for trade in inside if trade.buyer)
        sold = sum(trade.shares for trade in inside) - bought
        weighted, two_sided = weigh_imbalance(symbol.quotes, quote_times, start, end)
        last = quote_before(symbol.quotes, end, quote_times)
        known = last and last.bid and last.ask
        rows[start] = {
            **{f"ofi_{m + 1}": ofi[m] for m in range(5)},
            "buy_volume": bought, "sell_volume": sold, "trade_imbalance": bought - sold, "two_sided_ns": two_sided,
            "queue_imbalance": ratio(weighted, two_sided),
            "last_queue_imbalance": (last.bid_size - last.ask_size) / (last.bid_size + last.ask_size) if known else NONE,
            "weighted_mid": (last.bid * last.ask_size + last.ask * last.bid_size) / (last.bid_size + last.ask_size)
                            / 10_000 if known else NONE,
            "events": len(sequences), "sequence": max(sequences)}
    return rows


def weigh_imbalance(quotes, times, start, end):
    """The sum of queue imbalance times ns over a window, and for how many ns both sides were there."""
    total, two_sided = 0.0, 0
    at = bisect.bisect_left(times, start)
    stands, since = quotes[at - 1] if at else None, start
    while True:
        quote = quotes[at] if at < len(quotes) else None
        until = min(quote.time, end) if quote else end
        if stands and stands.bid and stands.ask:
            total += (stands.bid_size - stands.ask_size) / (stands.bid_size + stands.ask_size) * (until - since)
            two_sided += until - since
        if not quote or quote.time >= end:
            break
        stands, since, at = quote, until, at + 1
    return total, two_sided


def costs(symbol, horizon):
    times = [quote.time for quote in symbol.quotes]
    rows, last = {}, None
    for trade in symbol.trades:
        if not trade.displayed or not trade.printable:
            continue
        bid, ask = trade.bid, trade.ask
        if last and last[0].time == trade.time and last[0].buyer == trade.buyer:
            bid, ask = last[1]
        last = trade, (bid, ask)
        sign = 1 if trade.buyer else -1
        mid = bid + ask if bid and ask else 0
        later = twice_mid(quote_before(symbol.quotes, trade.time + horizon + 1, times))
        effective, realised, impact = sign * (2 * trade.price - mid), sign * (2 * trade.price - later), sign * (later - mid)
        rows[trade.sequence] = {
            "aggressor": "B" if trade.buyer else "S", "size": trade.shares, "price": trade.price / 10_000,
            "mid": mid / 20_000 if mid else NONE, "later_mid": later / 20_000 if later else NONE,
            "quoted_spread": max(ask - bid, 0) / 10_000 if mid else NONE,
            "effective_spread": effective / 10_000 if mid else NONE, "realised_spread": realised / 10_000 if later else NONE,
            "price_impact": impact / 10_000 if mid and later else NONE,
            "effective_bps": effective * 20_000 / mid if mid else NONE,
            "realised_bps": realised * 20_000 / mid if mid and later else NONE,
            "impact_bps": impact * 20_000 / mid if mid and later else NONE}
    return rows


def activity(symbol, width):
    by_window = collections.defaultdict(list)
    for order in symbol.orders:
        by_window[order.time // width].append(order)
    rows = {}
    for window, orders in by_window.items():
        def of(what, whole=None):
            return [o for o in orders if o.what == what and (whole is None or (o.left == 0) == whole)]
        cancelled, reduced, replaced, filled = of("cancel", True), of("cancel", False), of("replace"), of("execute", True)
        executed = sum(o.shares for o in of("execute"))
        gone = sum(o.shares for o in of("cancel") + replaced)
        rows[window * width] = {
            "added": len(of("add")), "cancelled": len(cancelled), "reduced": len(reduced), "replaced": len(replaced),
            "executions": len(of("execute")), "filled": len(filled), "added_shares": sum(o.shares for o in of("add")),
            "cancelled_shares": gone, "executed_shares": executed,
            "cancel_to_trade": ratio(len(of("cancel")), len(of("execute"))),
            "fill_probability": ratio(len(filled), len(filled) + len(cancelled) + len(replaced)),
            "fill_share": ratio(executed, executed + gone),
            "cancelled_lifetime": ratio(sum(o.time - o.entered for o in cancelled), len(cancelled)),
            "filled_lifetime": ratio(sum(o.time - o.entered for o in filled), len(filled)),
            "sequence": max(o.sequence for o in orders)}
    return rows


def returns(symbol, step, steps):
    width = step * steps
    times = [quote.time for quote in symbol.quotes]
    trades = [trade for trade in symbol.trades if trade.displayed and trade.printable]
    rows = {}
    for window in windows(times + [trade.time for trade in trades], width):
        start = window * width
        mids = [twice_mid(quote_before(symbol.quotes, start + i * step, times)) for i in range(steps + 1)]
        flows, dollars = [0] * steps, [0] * steps
        for trade in (trade for trade in trades if trade.time // width == window):
            i = (trade.time - start) // step
            flows[i] += trade.shares if trade.buyer else -trade.shares
            dollars[i] += trade.price * trade.shares
        known = [i for i in range(steps) if mids[i] and mids[i + 1]]
        r = {i: math.log1p((mids[i + 1] - mids[i]) / mids[i]) for i in known}
        squares = math.fsum(value * value for value in r.values())
        products = math.fsum(abs(r[i]) * abs(r[i - 1]) for i in known if i - 1 in r) * math.pi / 2
        n, moves, q = len(known), [mids[i + 1] - mids[i] for i in known], [flows[i] for i in known]
        covariation = n * sum(a * b for a, b in zip(moves, q)) - sum(moves) * sum(q)
        of_flow, of_moves = n * sum(x * x for x in q) - sum(q) ** 2, n * sum(x * x for x in moves) - sum(moves) ** 2
        traded = [i for i in known if dollars[i]]
        rows[start] = {
            "steps": n, "traded_steps": len(traded), "realised_variance": squares if n else NONE,
            "bipower_variation": products if n else NONE, "realised_volatility": math.sqrt(squares) if n else NONE,
            "bipower_volatility": math.sqrt(products) if n else NONE,
            "kyle_lambda": covariation / of_flow / 20_000 if of_flow else NONE,
            "kyle_r_squared": covariation ** 2 / (of_flow * of_moves) if of_flow * of_moves else NONE,
            "amihud": math.fsum(abs(r[i]) / (dollars[i] / 10_000) for i in traded) / len(traded) * 1e6 if traded else NONE,
            "mid": mids[-1] / 20_000 if mids[-1] else NONE}
    return rows


def vpin(symbol, bucket, count):
    rows, tape, volume = {}, [], 0
    for trade in symbol.trades:
        if trade.displayed and trade.printable:
            tape.append(trade.shares if trade.buyer else -trade.shares)
            rows[trade.sequence] = (volume // bucket, (volume + trade.shares) // bucket)
            volume += trade.shares
    # The tape cut into buckets.
    sizes, open_size, open_sum = [], 0, 0
    for part in tape:
        left = abs(part)
        while left:
            taken = min(left, bucket - open_size)
            open_size, open_sum, left = open_size + taken, open_sum + (taken if part > 0 else -taken), left - taken
            if open_size == bucket:
                sizes.append(abs(open_sum))
                open_size = open_sum = 0
    return {sequence: {"bucket": after, "completed": after - before, "imbalance": sizes[after - 1],
                       "vpin": sum(sizes[after - count:after]) / (count * bucket) if after >= count else NONE}
            for sequence, (before, after) in rows.items() if after > before}


def trade_bars(symbol, thresholds):
    """Of each clock: {(clock, number): row}."""
    measures = {"tick": lambda bar: len(bar), "volume": lambda bar: sum(t.shares for t in bar),
                "dollar": lambda bar: sum(t.price * t.shares for t in bar) / 10_000,
                "imbalance": lambda bar: abs(sum((t.shares if t.buyer else -t.shares) for t in bar if t.displayed))}
    rows = {}
    for clock, measure in measures.items():
        bar, number = [], 0
        for trade in symbol.trades:
            if not trade.printable or not trade.shares:
                continue
            bar.append(trade)
            if measure(bar) < thresholds[clock]:
                continue
            number += 1
            prices, volume = [t.price for t in bar], sum(t.shares for t in bar)
            lasted = bar[-1].time - bar[0].time
            stood = sum(a.price * (b.time - a.time) for a, b in zip(bar, bar[1:]))
            rows[clock, number] = {
                "open": prices[0] / 10_000, "high": max(prices) / 10_000, "low": min(prices) / 10_000,
                "close": prices[-1] / 10_000, "vwap": sum(t.price * t.shares for t in bar) / volume / 10_000,
                "twap": stood / lasted / 10_000 if lasted else prices[-1] / 10_000, "volume": volume, "trades": len(bar),
                "buy_volume": sum(t.shares for t in bar if t.displayed and t.buyer),
                "sell_volume": sum(t.shares for t in bar if t.displayed and not t.buyer), "sequence": bar[-1].sequence}
            bar = []
    return rows


def bars_twap(symbol, width):
    """The time-weighted price of each time bar, by its start."""
    rows = {}
    trades = [trade for trade in symbol.trades if trade.printable and trade.shares]
    for window in windows([trade.time for trade in trades], width):
        inside = [trade for trade in trades if trade.time // width == window]
        ends = [trade.time for trade in inside[1:]] + [(window + 1) * width]
        stood = sum(trade.price * (end - trade.time) for trade, end in zip(inside, ends))
        rows[window * width] = {"twap": stood / ((window + 1) * width - inside[0].time) / 10_000}
    return rows


def slope(twice, levels):
    if not levels or levels[0][1] < 2 or 2 * levels[0][0] == twice:
        return NONE
    depth = [math.log(sum(shares for _, shares in levels[:t + 1])) for t in range(len(levels))]
    # Differences before quotients: p'/p - 1 would lose the digits that are looked for.
    total = depth[0] / (abs(2 * levels[0][0] - twice) / twice)
    for t in range(1, len(levels)):
        total += (depth[t] - depth[t - 1]) / depth[t - 1] / (abs(levels[t][0] - levels[t - 1][0]) / levels[t - 1][0])
    return total / len(levels)


def sweep(shares, levels, twice):
    paid, left = 0, shares
    for price, size in levels:
        paid, left = paid + price * min(left, size), left - min(left, size)
    if left:
        return NONE, NONE
    return paid / shares / 10_000, abs(2 * paid / shares - twice) / twice * 10_000


def liquidity(symbol, width, levels, sizes):
    rows = {}
    for window, (bids, asks) in symbol.snapshots.items():
        twice = bids[0][0] + asks[0][0] if bids and asks else 0
        row = {"mid": twice / 20_000 if twice else NONE, "bid_slope": NONE, "ask_slope": NONE, "slope": NONE}
        if twice:
            row["bid_slope"], row["ask_slope"] = slope(twice, bids[:levels]), slope(twice, asks[:levels])
            if NONE not in (row["bid_slope"], row["ask_slope"]):
                row["slope"] = (row["bid_slope"] + row["ask_slope"]) / 2
        for i, size in enumerate(sizes, 1):
            row[f"shares_{i}"] = size
            row[f"buy_price_{i}"], row[f"buy_bps_{i}"] = sweep(size, asks, twice) if twice else (NONE, NONE)
            row[f"sell_price_{i}"], row[f"sell_bps_{i}"] = sweep(size, bids, twice) if twice else (NONE, NONE)
        rows[(window + 1) * width] = row
    return rows


def auction(symbol):
    rows = {}
    for sequence, paired, imbalance, direction, far, near, reference, cross, bid, ask in symbol.imbalances:
        signed = imbalance if direction == "B" else -imbalance if direction == "S" else 0
        twice = bid + ask if bid and ask else 0
        rows[sequence] = {
            "paired_shares": paired, "imbalance_shares": imbalance, "direction": direction, "signed_imbalance": signed,
            "imbalance_ratio": ratio(signed, paired + imbalance), "far_price": far / 10_000 or NONE, "cross_type": cross,
            "near_price": near / 10_000 or NONE, "reference_price": reference / 10_000 or NONE,
            "near_bps": (2 * near - twice) / twice * 10_000 if near and twice else NONE}
    return rows


def luld(symbol):
    pane, minute = 30 * SECOND, 60 * SECOND
    times = [quote.time for quote in symbol.quotes]
    prints = [trade for trade in symbol.trades if trade.printable and trade.shares]
    rows, reference, cross_at = {}, 0, -1
    for window in windows(times + [trade.time for trade in prints], pane):
        end = (window + 1) * pane
        for trade in (trade for trade in prints if trade.time // pane == window):
            if trade.cross and trade.cross in "OH":
                reference, cross_at = trade.price, trade.sequence
        first = (window - 9) * pane
        recent = [trade.price for trade in prints if first <= trade.time < end and not trade.cross and trade.sequence > cross_at]
        if recent:
            mean = (2 * sum(recent) + len(recent)) // (2 * len(recent))
            if 100 * abs(mean - reference) >= reference:
                reference = mean
        lower = upper = 0
        if reference and symbol.tier in "12" and 570 * minute <= end <= 960 * minute:
            if reference > 30_000:
                width = reference * (5 if symbol.tier == "1" else 10) // 100
            elif reference >= 7_500:
                width = reference * 20 // 100
            else:
                width = min(reference * 75 // 100, 1_500)
            if end >= 935 * minute and (symbol.tier == "1" or reference <= 30_000):
                width *= 2
            lower, upper = (max(reference - width, 0) + 50) // 100 * 100, (reference + width + 50) // 100 * 100
        quote = quote_before(symbol.quotes, end, times)
        twice = twice_mid(quote) if upper else 0
        rows[end] = {
            "reference": reference / 10_000 or NONE, "lower_band": lower / 10_000 or NONE, "upper_band": upper / 10_000 or NONE,
            "trades": len(recent), "tier": symbol.tier.strip() or NONE,
            "upper_distance_bps": (upper - quote.ask) * 20_000 / twice if twice else NONE,
            "lower_distance_bps": (quote.bid - lower) * 20_000 / twice if twice else NONE}
    return rows


def bursts(symbol, gap):
    """Runs of printable trades, each within the gap of the one before, by the sequence of their last."""
    runs = []
    for trade in symbol.trades:
        if not trade.printable or not trade.shares:
            continue
        if not runs or trade.time - runs[-1][-1].time >= gap:
            runs.append([])
        runs[-1].append(trade)
    rows = {}
    for run in runs:
        bought = sum(t.shares for t in run if t.displayed and t.buyer)
        sold = sum(t.shares for t in run if t.displayed and not t.buyer)
        volume = sum(t.shares for t in run)
        rows[run[-1].sequence] = {
            "trades": len(run), "volume": volume, "buy_volume": bought, "sell_volume": sold,
            "imbalance": ratio(bought - sold, bought + sold), "first_price": run[0].price / 10_000,
            "last_price": run[-1].price / 10_000, "vwap": sum(t.price * t.shares for t in run) / volume / 10_000}
    return rows


def queue_positions(symbol, width, orders):
    """By (time, side, order)."""
    rows = {}
    for window, queues in symbol.queues.items():
        for side, queue in zip("BS", queues):
            ahead = 0
            for i, (price, ref, shares, entered) in enumerate(queue[:orders]):
                rows[(window + 1) * width, side, ref] = {
                    "price": price / 10_000, "shares": shares, "orders_ahead": i, "shares_ahead": ahead,
                    "level_orders": len(queue), "level_shares": sum(entry[2] for entry in queue)}
                ahead += shares
    return rows


def features(symbol, width, events, levels):
    """By (clock, time, sequence)."""
    groups, windows_of = [], collections.defaultdict(list)
    for message in symbol.messages:
        windows_of[message.time // width].append(message)
    for window, inside in windows_of.items():
        groups.append(("time", (window + 1) * width, inside))
    for at in range(0, len(symbol.messages) - events + 1, events):
        inside = symbol.messages[at:at + events]
        groups.append(("events", inside[-1].time, inside))
    of = {name: collections.defaultdict(list) for name in ("levels", "orders", "trades")}
    for level in symbol.levels:
        of["levels"][level[0]].append(level)
    for order in symbol.orders:
        of["orders"][order.sequence].append(order)
    for trade in symbol.trades:
        of["trades"][trade.sequence].append(trade)
    rows = {}
    for clock, time, inside in groups:
        sequences = [message.sequence for message in inside]
        ofi = [0] * 5
        for _, _, before, after in (level for s in sequences for level in of["levels"][s]):
            for m in range(5):
                for side in (0, 1):
                    old, new = (book[side][m] if m < len(book[side]) else None for book in (before, after))
                    ofi[m] += pressure(side == 0, old, new)
        orders = [order for s in sequences for order in of["orders"][s]]
        trades = [t for s in sequences for t in of["trades"][s] if t.displayed and t.printable]
        replaced = sum(o.what == "replace" for o in orders)
        bids, asks = inside[-1].levels
        twice = bids[0][0] + asks[0][0] if bids and asks else 0
        tick = 100 if twice >= 20_000 else 1
        row = {"mid": twice / 20_000 if twice else NONE, "events": len(inside), "replaced": replaced,
               "spread_ticks": (asks[0][0] - bids[0][0]) / tick if twice else NONE,
               "queue_imbalance": (bids[0][1] - asks[0][1]) / (bids[0][1] + asks[0][1]) if twice else NONE,
               "added": sum(o.what == "add" for o in orders) - replaced,
               "cancelled": sum(o.what == "cancel" for o in orders), "executions": sum(o.what == "execute" for o in orders),
               "buy_volume": sum(t.shares for t in trades if t.buyer),
               "sell_volume": sum(t.shares for t in trades if not t.buyer)}
        depth = [sum(size for _, size in side) for side in (bids, asks)]
        row["depth_imbalance"] = (depth[0] - depth[1]) / (depth[0] + depth[1]) if twice else NONE
        row |= {f"ofi_{m + 1}": ofi[m] for m in range(5)}
        for name, side in (("bid", bids), ("ask", asks)):
            for i in range(levels):
                price, size = side[i] if i < len(side) else (0, 0)
                row[f"{name}_size_{i + 1:02}"] = size
                row[f"{name}_distance_{i + 1:02}"] = (2 * price - twice) / (2 * tick) if price and twice else NONE
        rows[clock, time, sequences[-1]] = row
    return rows


def labels(symbol, rows, horizons, last):
    """Of rows of features, by their key and horizon; `last` is the time of the feed's last message."""
    times = [quote.time for quote in symbol.quotes]
    labelled = {}
    for (clock, time, sequence), row in rows.items():
        for horizon in horizons:
            if time + horizon >= last:
                continue
            later = twice_mid(quote_before(symbol.quotes, time + horizon + 1, times))
            known = later and row["mid"]
            labelled[clock, time, sequence, horizon] = {
                "mid": row["mid"], "later_mid": later / 20_000 if later else NONE,
                "mid_return": math.log1p((later / 20_000 - row["mid"]) / row["mid"]) if known else NONE,
                "bbo_changes": bisect.bisect_right(times, time + horizon) - bisect.bisect_left(times, time)}
    return labelled


def state_of(quote, buckets, spreads, tick=100):
    """Stoikov's state of the best prices, (spread in ticks, bucket of imbalance); None where there is none."""
    if not quote.bid or not quote.ask or quote.ask <= quote.bid or quote.bid % tick or quote.ask % tick:
        return None
    spread = (quote.ask - quote.bid) // tick
    if spread > spreads:
        return None
    small, large = sorted((quote.bid_size, quote.ask_size))
    bucket = small * buckets // (small + large)
    return spread, bucket if quote.bid_size <= quote.ask_size else buckets - 1 - bucket


def solve(matrix, columns):
    """Of a square matrix, as a list of rows, and right-hand sides likewise: by elimination with pivots."""
    n = len(matrix)
    rows = [list(map(float, left)) + list(map(float, right)) for left, right in zip(matrix, columns)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            factor = rows[r][i] / rows[i][i]
            if r != i and factor:
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i])]
    return [[value / rows[i][i] for value in rows[i][n:]] for i in range(n)]


def microprice(symbols, buckets, spreads, most_move=2, tick=100):
    """Stoikov's G* in ticks and the number of transitions from each state, by state; transitions in all."""
    stay, move, moves, count = (collections.Counter() for _ in range(4))
    total = 0
    for symbol in symbols:
        for before, after in zip(symbol.quotes, symbol.quotes[1:]):
            x, y = state_of(before, buckets, spreads, tick), state_of(after, buckets, spreads, tick)
            step = (twice_mid(after) - twice_mid(before)) // tick
            if x is None or y is None or abs(step) > most_move:
                continue
            total += 1
            for sign, mirror in ((1, lambda state: state), (-1, lambda state: (state[0], buckets - 1 - state[1]))):
                (move if step else stay)[mirror(x), mirror(y)] += 1
                moves[mirror(x)] += sign * step
                count[mirror(x)] += 1
    # States from which the mid moves sooner or later.
    alive = {x for x, _ in move}
    while True:
        more = {x for x, y in stay if y in alive} - alive
        if not more:
            break
        alive |= more
    alive = sorted(alive)
    leaving = [[(x == y) - stay[x, y] / count[x] for y in alive] for x in alive]
    first = [column[0] for column in solve(leaving, [[moves[x] / 2 / count[x]] for x in alive])]
    onward = solve(leaving, [[move[x, y] / count[x] for y in alive] for x in alive])
    g, term = list(first), first
    while max(map(abs, term)) > 1e-14:
        term = [math.fsum(a * b for a, b in zip(row, term)) for row in onward]
        g = [a + b for a, b in zip(g, term)]
    return {x: (0.0, n) for x, n in count.items()} | {x: (value, count[x]) for x, value in zip(alive, g)}, total


def microprice_rows(symbol, model, buckets, spreads):
    """`model`: {(spread, bucket): adjustment in ticks of a cent}, None where it knows nothing."""
    rows, seen = {}, None
    for quote in symbol.quotes:
        state = state_of(quote, buckets, spreads)
        if (quote.bid, quote.ask, state) == seen:
            continue
        seen = quote.bid, quote.ask, state
        twice, g = twice_mid(quote), model.get(state) if state else NONE
        rows[quote.sequence] = {
            "mid": twice / 20_000 if twice else NONE, "adjustment": g / 100 if g is not NONE else NONE,
            "microprice": twice / 20_000 + g / 100 if g is not NONE else NONE,
            "spread_ticks": state[0] if state else 0, "imbalance_bucket": state[1] if state else 0}
    return rows


def information_share(first, second, step, lags, last):
    """Hasbrouck's bounds of two symbols over a whole feed: [(lower, upper), (lower, upper)], and the observations."""
    times = [[quote.time for quote in symbol.quotes] for symbol in (first, second)]
    ticks = range(min(t[0] for t in times) // step + 1, -(-last // step))
    prices = [[twice_mid(quote_before(symbol.quotes, tick * step + 1, t)) for tick in ticks]
              for symbol, t in zip((first, second), times)]
    logs = [[math.log(p) if p else None for p in series] for series in prices]
    def change(i, t):
        return logs[i][t] - logs[i][t - 1]
    known = [t for t in range(lags + 1, len(ticks))
             if all(logs[i][t - back] is not None for i in (0, 1) for back in range(lags + 2))]
    y = [[change(0, t), change(1, t)] for t in known]
    errors = [logs[0][t - 1] - logs[1][t - 1] for t in known]
    mean = math.fsum(errors) / len(errors)
    x = [[e - mean] + [change(i, t - lag) for lag in range(1, lags + 1) for i in (0, 1)] for e, t in zip(errors, known)]
    # Columns of one size make the normal equations as well conditioned as they can be.
    sizes = [math.sqrt(math.fsum(row[j] ** 2 for row in x)) for j in range(len(x[0]))]
    x = [[value / size for value, size in zip(row, sizes)] for row in x]
    def product(a, b):
        return [[math.fsum(p[i] * q[j] for p, q in zip(a, b)) for j in range(len(b[0]))] for i in range(len(a[0]))]
    coefficients = solve(product(x, x), product(x, y))
    rest = [[y[r][i] - math.fsum(a * b[i] for a, b in zip(x[r], coefficients)) for i in (0, 1)] for r in range(len(x))]
    omega = [[value / len(x) for value in row] for row in product(rest, rest)]
    psi = [coefficients[0][1], -coefficients[0][0]]
    variance = sum(psi[i] * omega[i][j] * psi[j] for i in (0, 1) for j in (0, 1))
    # Of one that comes first in the ordering: all that is its own and in common; of one that comes last, its own.
    bounds = []
    for i, other in ((0, 1), (1, 0)):
        upper = (psi[i] * omega[i][i] + psi[other] * omega[i][other]) ** 2 / omega[i][i] / variance
        lower = psi[i] ** 2 * (omega[i][i] - omega[i][other] ** 2 / omega[other][other]) / variance
        bounds.append((min(lower, upper), max(lower, upper)))
    return bounds, len(known)
