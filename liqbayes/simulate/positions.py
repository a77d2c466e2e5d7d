"""Compiled operations on one position: its level, its alerts, reducing it, touching it.

Linear coordinates throughout (see `liqbayes.simulate.book`): `sign` is 1 for row 0, -1 for row 1.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
from numba import njit

from liqbayes.simulate.book import (
    ALERT,
    AMOUNT,
    ANCHOR,
    CAP,
    COLLATERAL,
    ENTRY,
    EXIT_LEFT,
    FIELDS,
    INITIAL,
    ISOLATED,
    LEVEL,
    MAINTENANCE,
    MARGIN,
    RUNGS,
    SIZE,
    SLOT,
    STOP,
    TOPUPS,
    FloatArray,
    Rules,
)
from liqbayes.simulate.population import IntArray

#: Fields of the slots, shape (2, row, SLOTS): position that a building trader has so far (-1 for
#: none) and quantity still wanted.
HELD_BY, LEFT = range(2)

#: Entries of the tally: positions per row, liquidation orders recorded, next trader per row.
COUNT, ORDERS, NEXT = 0, 2, 3
TALLY_SIZE = 5


class Desk(NamedTuple):
    """Everything about the book that changes from step to step.

    Attributes
    ----------
    book : ndarray, shape (FIELDS, 2, capacity)
        The positions.
    slots : ndarray, shape (2, 2, SLOTS)
        Traders who are still building a position.
    events : ndarray, shape (capacity, 5)
        Liquidation orders: step, row, quantity, price, share of the way to the step's extreme.
    tally : ndarray of int, shape (TALLY_SIZE,)
        How much of the others is in use.
    """

    book: FloatArray
    slots: FloatArray
    events: FloatArray
    tally: IntArray


def compiled[F: Callable[..., object]](function: F) -> F:
    """Compile with numba, cached on disk, keeping the signature for type checkers."""
    return cast("F", njit(cache=True, error_model="numpy")(function))


@compiled
def liquidation_level(
    sign: float, size: float, entry: float, collateral: float, tiers: FloatArray
) -> float:
    """Price at which equity equals the maintenance margin; -inf if a long has none.

    W + s Q (P - E) = m Q P - c, solved for P; the tier is that of the notional at entry
    (Binance support, "How to calculate liquidation price of USDⓈ-M futures contracts").
    """
    notional = size * entry
    tier = 0
    while notional > tiers[CAP, tier]:
        tier += 1
    price = (collateral + tiers[AMOUNT, tier] - sign * notional) / (
        size * (tiers[MAINTENANCE, tier] - sign)
    )
    if price <= 0:
        return -np.inf
    return float(price)


@compiled
def margin_for_level(
    sign: float, size: float, entry: float, level: float, tiers: FloatArray
) -> float:
    """Collateral with which `liquidation_level` is the given one; may be negative."""
    notional = size * entry
    tier = 0
    while notional > tiers[CAP, tier]:
        tier += 1
    owed = level * size * (tiers[MAINTENANCE, tier] - sign) + sign * notional
    return float(owed - tiers[AMOUNT, tier])


@compiled
def required_margin(size: float, entry: float, tiers: FloatArray) -> float:
    """Smallest collateral per notional with which this size may be opened."""
    tier = 0
    while size * entry > tiers[CAP, tier]:
        tier += 1
    return float(tiers[INITIAL, tier])


@compiled
def refresh(
    book: FloatArray, row: int, i: int, sign: float, tiers: FloatArray, rules: Rules
) -> None:
    """Recompute level and alert after size, entry or collateral changed."""
    level = liquidation_level(
        sign, book[SIZE, row, i], book[ENTRY, row, i], book[COLLATERAL, row, i], tiers
    )
    book[LEVEL, row, i] = level
    if not np.isfinite(level):
        book[ALERT, row, i] = -np.inf
        return
    alert = sign * level
    gap = sign * book[ANCHOR, row, i] - alert
    if gap > 0:
        share = book[STOP, row, i]
        if book[TOPUPS, row, i] > 0:
            share = max(share, rules.topup_trigger)
        alert += share * gap
    book[ALERT, row, i] = alert


@compiled
def drop(desk: Desk, row: int, i: int) -> None:
    """Remove a position; the last one of the row takes its place."""
    book = desk.book
    slot = int(book[SLOT, row, i])
    if slot >= 0:
        desk.slots[HELD_BY, row, slot] = -1
    last = desk.tally[COUNT + row] - 1
    if i != last:
        # An array assignment here would take numba four seconds to compile.
        for field in range(FIELDS):
            book[field, row, i] = book[field, row, last]
        if book[SLOT, row, i] >= 0:
            desk.slots[HELD_BY, row, int(book[SLOT, row, i])] = i
    desk.tally[COUNT + row] = last


@compiled
def reduce(
    desk: Desk,
    row: int,
    i: int,
    sign: float,
    wanted: float,
    price: float,
    tiers: FloatArray,
    rules: Rules,
) -> float:
    """Close up to `wanted` of a position by choice; returns the quantity closed.

    Isolated collateral is released in proportion; a cross account keeps its collateral and the
    realised profit or loss.
    """
    book = desk.book
    size = book[SIZE, row, i]
    if wanted >= size * (1 - 1e-9):
        drop(desk, row, i)
        return float(size)
    if book[ISOLATED, row, i] == 1:
        book[COLLATERAL, row, i] *= 1 - wanted / size
    else:
        book[COLLATERAL, row, i] += sign * wanted * (price - book[ENTRY, row, i])
    book[SIZE, row, i] = size - wanted
    left = book[EXIT_LEFT, row, i] - wanted
    # A rest that rounding left over must not keep a trader selling dust for ever.
    book[EXIT_LEFT, row, i] = left if left > 1e-9 * size else 0.0
    refresh(book, row, i, sign, tiers, rules)
    return wanted


@compiled
def record_order(
    desk: Desk, step: int, row: int, amount: float, price: float, start: float, far: float
) -> None:
    """Append a liquidation order to the event list."""
    order = desk.events[desk.tally[ORDERS]]
    order[0] = step
    order[1] = row
    order[2] = amount
    order[3] = price
    way = np.log(far / start)
    order[4] = min(1.0, max(0.0, np.log(price / start) / way)) if way != 0 else 0.0
    desk.tally[ORDERS] += 1


@compiled
def touched(
    desk: Desk,
    step: int,
    row: int,
    i: int,
    sign: float,
    start: float,
    far: float,
    tiers: FloatArray,
    rules: Rules,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Let price run from `start` to `far` over a position whose alert lies between them.

    Stops, added collateral and liquidation happen in the order in which price reaches them.

    Returns
    -------
    tuple of float
        Quantity sold by a stop, quantity liquidated, the latter times its price.
    """
    book = desk.book
    reach = sign * far
    liquidated = 0.0
    value = 0.0
    while book[ALERT, row, i] >= reach:
        at_level = sign * book[LEVEL, row, i]
        first = book[ALERT, row, i]
        where = sign * min(first, sign * start)
        gap = sign * book[ANCHOR, row, i] - at_level
        if book[STOP, row, i] > 0 and gap > 0 and first <= at_level + book[STOP, row, i] * gap:
            if rng.random() < rules.stop_reliability:
                sold = book[SIZE, row, i]
                drop(desk, row, i)
                return sold, liquidated, value
            book[STOP, row, i] = 0.0
            refresh(book, row, i, sign, tiers, rules)
            continue
        if book[TOPUPS, row, i] > 0 and gap > 0:
            book[TOPUPS, row, i] -= 1
            book[COLLATERAL, row, i] += (
                rules.topup_size * book[MARGIN, row, i] * book[SIZE, row, i] * book[ENTRY, row, i]
            )
            book[ANCHOR, row, i] = where
            refresh(book, row, i, sign, tiers, rules)
            continue
        size = book[SIZE, row, i]
        if book[RUNGS, row, i] > 0 and size * where > rules.partial_notional:
            amount = rules.partial_share * size
            book[RUNGS, row, i] -= 1
            book[COLLATERAL, row, i] += sign * amount * (where - book[ENTRY, row, i])
            book[SIZE, row, i] = size - amount
            book[EXIT_LEFT, row, i] = min(book[EXIT_LEFT, row, i], size - amount)
            refresh(book, row, i, sign, tiers, rules)
            record_order(desk, step, row, amount, where, start, far)
            liquidated += amount
            value += amount * where
            continue
        record_order(desk, step, row, size, where, start, far)
        liquidated += size
        value += size * where
        drop(desk, row, i)
        break
    return 0.0, liquidated, value
