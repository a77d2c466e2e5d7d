"""Compiled counterparties: who opens, adds, or closes passively against a taken order."""

import numpy as np

from liqbayes.simulate.book import (
    ANCHOR,
    COLLATERAL,
    ENTRY,
    EXIT_LEFT,
    ISOLATED,
    LEVEL,
    MARGIN,
    RATE,
    READER,
    RUNGS,
    SIZE,
    SLOT,
    SLOTS,
    STOP,
    TARGET,
    TOPUPS,
    WISH,
    FloatArray,
    Rules,
)
from liqbayes.simulate.chart import AVOIDS, STOPS_MOVE, Chart
from liqbayes.simulate.population import (
    ALONE,
    LEAVES,
    PATIENCE,
    POSTED,
    READS,
    STOP_SHARE,
    WANTED,
)
from liqbayes.simulate.positions import (
    COUNT,
    HELD_BY,
    LEFT,
    NEXT,
    Desk,
    compiled,
    liquidation_level,
    reduce,
    refresh,
    required_margin,
)
from liqbayes.simulate.readers import avoiding_margin, place_stop, target_of


@compiled
def inverse_leverage(sign: float, level: float, price: float) -> float:
    """Reciprocal of the effective leverage that a level means at a price; 1 without a level."""
    if not np.isfinite(level):
        return 1.0
    return max(0.0, 1 - level / price if sign > 0 else level / price - 1)


@compiled
def enter(
    desk: Desk,
    traders: FloatArray,
    row: int,
    sign: float,
    slot: int,
    amount: float,
    price: float,
    pull: float,
    chart: Chart,
    tiers: FloatArray,
    rules: Rules,
    rng: np.random.Generator,
) -> float:
    """Open or enlarge the position of the trader in a slot; returns quantity / leverage."""
    book = desk.book
    i = int(desk.slots[HELD_BY, row, slot])
    if i < 0:
        trader = desk.tally[NEXT + row]
        desk.tally[NEXT + row] += 1
        i = desk.tally[COUNT + row]
        desk.tally[COUNT + row] += 1
        desk.slots[HELD_BY, row, slot] = i
        desk.slots[LEFT, row, slot] = traders[WANTED, row, trader]
        book[SIZE, row, i] = 0.0
        book[ENTRY, row, i] = price
        book[ANCHOR, row, i] = price
        book[COLLATERAL, row, i] = 0.0
        least = required_margin(traders[WANTED, row, trader], price, tiers)
        book[MARGIN, row, i] = max(traders[POSTED, row, trader], least)
        book[STOP, row, i] = traders[STOP_SHARE, row, trader]
        book[WISH, row, i] = traders[STOP_SHARE, row, trader]
        book[READER, row, i] = traders[READS, row, trader]
        book[TARGET, row, i] = 0.0
        book[EXIT_LEFT, row, i] = 0.0
        book[RATE, row, i] = traders[LEAVES, row, trader]
        book[ISOLATED, row, i] = traders[ALONE, row, trader]
        book[TOPUPS, row, i] = traders[PATIENCE, row, trader]
        book[RUNGS, row, i] = rules.ladder_rungs
        book[SLOT, row, i] = slot
        if book[READER, row, i] == 1:
            if chart.grid[AVOIDS] == 1:
                book[MARGIN, row, i] = avoiding_margin(
                    row,
                    sign,
                    traders[WANTED, row, trader],
                    price,
                    book[MARGIN, row, i],
                    least,
                    chart,
                    tiers,
                )
            if sign * pull > 0 and rng.random() < abs(pull):
                book[TARGET, row, i] = target_of(chart, row, np.log(price))
    enlarge(desk, row, i, amount, price)
    refresh(book, row, i, sign, tiers, rules)
    if book[READER, row, i] == 1 and chart.grid[STOPS_MOVE] == 1:
        place_stop(book, row, i, sign, price, chart, tiers, rules)
    if book[TARGET, row, i] > 0:
        chart.flow[0, row] += amount
    desk.slots[LEFT, row, slot] -= amount
    if desk.slots[LEFT, row, slot] <= 0:
        book[SLOT, row, i] = -1
        desk.slots[HELD_BY, row, slot] = -1
    return amount * inverse_leverage(sign, book[LEVEL, row, i], price)


@compiled
def enlarge(desk: Desk, row: int, i: int, amount: float, price: float) -> None:
    """Buy more into a position with the collateral its trader always brings."""
    book = desk.book
    size = book[SIZE, row, i] + amount
    book[ENTRY, row, i] += (price - book[ENTRY, row, i]) * amount / size
    book[ANCHOR, row, i] += (price - book[ANCHOR, row, i]) * amount / size
    book[COLLATERAL, row, i] += book[MARGIN, row, i] * amount * price
    book[SIZE, row, i] = size


@compiled
def add(
    desk: Desk,
    row: int,
    rate: float,
    sign: float,
    wanted: float,
    price: float,
    tiers: FloatArray,
    rules: Rules,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Let a trader who is in already buy more; returns quantity (0 if refused) and q / leverage."""
    book = desk.book
    i = -1
    for _ in range(64):
        j = int(rng.random() * desk.tally[COUNT + row])
        if book[RATE, row, j] == rate and book[EXIT_LEFT, row, j] == 0 and book[SLOT, row, j] < 0:
            i = j
            break
    if i < 0:
        return 0.0, 0.0
    amount = min(wanted, book[SIZE, row, i] * (0.1 + 0.5 * rng.random()))
    size = book[SIZE, row, i] + amount
    entry = (book[SIZE, row, i] * book[ENTRY, row, i] + amount * price) / size
    collateral = book[COLLATERAL, row, i] + book[MARGIN, row, i] * amount * price
    level = liquidation_level(sign, size, entry, collateral, tiers)
    # The venue refuses an order without the initial margin.
    equity = collateral + sign * size * (price - entry)
    if equity < required_margin(size, price, tiers) * size * price or sign * (price - level) <= 0:
        return 0.0, 0.0
    enlarge(desk, row, i, amount, price)
    refresh(book, row, i, sign, tiers, rules)
    return amount, amount * inverse_leverage(sign, level, price)


@compiled
def fill_openings(
    desk: Desk,
    traders: FloatArray,
    row: int,
    sign: float,
    wanted: float,
    price: float,
    pull: float,
    chart: Chart,
    tiers: FloatArray,
    rules: Rules,
    rng: np.random.Generator,
) -> float:
    """Open exactly `wanted` contracts on a row; returns the sum of quantity / leverage.

    `pull` is what front-runners see in the map: those of the other side stay away.
    """
    total = 0.0
    left = wanted
    dust = 1e-13 * rules.target
    while left > 0:
        crowded = (
            desk.tally[NEXT + row] >= traders.shape[2]
            or desk.tally[COUNT + row] >= desk.book.shape[2]
        )
        if left > dust and not crowded and rng.random() < rules.add_share:
            # The next trader turns out to be one of those of the same class who are in already.
            rate = traders[LEAVES, row, desk.tally[NEXT + row]]
            desk.tally[NEXT + row] += 1
            amount, weighted = add(desk, row, rate, sign, left, price, tiers, rules, rng)
            left -= amount
            total += weighted
            continue
        slot = int(rng.random() * SLOTS)
        if (
            sign * pull < 0
            and desk.slots[HELD_BY, row, slot] < 0
            and not crowded
            and traders[READS, row, desk.tally[NEXT + row]] == 1
            and rng.random() < abs(pull)
        ):
            desk.tally[NEXT + row] += 1
            continue
        if desk.slots[HELD_BY, row, slot] >= 0:
            amount = min(left, desk.slots[LEFT, row, slot])
        elif not crowded:
            amount = min(left, traders[WANTED, row, desk.tally[NEXT + row]])
        else:
            # More newcomers than the reserve in one step: someone who is in takes the rest.
            i = int(rng.random() * desk.tally[COUNT + row])
            enlarge(desk, row, i, left, price)
            refresh(desk.book, row, i, sign, tiers, rules)
            return total + left * inverse_leverage(sign, desk.book[LEVEL, row, i], price)
        if left - amount <= dust:
            amount = left
        total += enter(
            desk, traders, row, sign, slot, amount, price, pull, chart, tiers, rules, rng
        )
        left -= amount
    return total


@compiled
def exit_chance(pace: float, rate: float, gain: float, rules: Rules) -> float:
    """Chance to start leaving within `pace` hours, given the unrealised log return."""
    lean = rules.disposition * np.tanh(gain / rules.disposition_scale)
    return float(-np.expm1(-rate * pace * np.exp(lean)))


@compiled
def mean_gap(chance: float) -> float:
    """What `skipped` needs to know of a chance; 0 for a certain event."""
    return 0.0 if chance >= 1 else -1 / np.log1p(-max(chance, 1e-12))


@compiled
def skipped(gap: float, rng: np.random.Generator) -> int:
    """Positions passed over until the next one that draws an event (geometric)."""
    return int(min(1e9, -np.log(1 - rng.random()) * gap)) if gap > 0 else 0


@compiled
def passive_close(
    desk: Desk,
    row: int,
    sign: float,
    wanted: float,
    price: float,
    pace: float,
    cap: float,
    tiers: FloatArray,
    rules: Rules,
    rng: np.random.Generator,
) -> float:
    """Close `wanted` contracts of a row as counterparties; returns what was closed.

    Who closes is drawn with the same relative rates as voluntary exits. Slices above `cap` are
    taken only after everyone was asked twice.
    """
    book = desk.book
    closed = 0.0
    start = desk.tally[COUNT + row]
    if start == 0:
        return closed
    strongest = np.exp(abs(rules.disposition))
    ceiling = float(-np.expm1(-rules.fastest * pace * strongest))
    gap = mean_gap(ceiling)
    i = int(rng.random() * start)
    asked = 0
    while (
        wanted - closed > 1e-15 * rules.target and desk.tally[COUNT + row] > 0 and asked < 4 * start
    ):
        picky = asked < 2 * start
        jump = 1 + skipped(gap, rng) if picky else 1
        i = (i - jump) % desk.tally[COUNT + row]
        asked += jump
        amount = min(wanted - closed, book[SIZE, row, i])
        if picky:
            rate = book[RATE, row, i]
            u = rng.random() * ceiling
            # The first comparison is an upper bound that spares most of the logarithms.
            if u > rate * pace * strongest:
                continue
            gain = sign * np.log(price / book[ENTRY, row, i])
            if u > exit_chance(pace, rate, gain, rules):
                continue
            amount = min(amount, cap)
        closed += reduce(desk, row, i, sign, amount, price, tiers, rules)
    return closed
