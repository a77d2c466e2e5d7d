"""What a public liquidation feed shows of the true liquidation orders.

An order is sent when price reaches the level; large ones come as several children. Orders that fall
into the same window (one second at one order per second) compete for one message, whichever their
side, so bursts are lost in the main. What passes is kept with probability kappa.
"""

from typing import NamedTuple

import numpy as np

from liqbayes.simulate.book import FloatArray
from liqbayes.simulate.population import IntArray
from liqbayes.simulate.setup import Clock, Setup

# A burst of children never takes more than this many orders; each carries more instead.
_MOST_CHILDREN = 200


def orders_per_second(setup: Setup) -> float | None:
    """Orders a second the feed can show, None without a limit.

    The contract's rule at the start of the market; where the contract does not state one, there is
    no throttle, only `kappa`.
    """
    throttle = setup.config.feed.throttle
    if throttle == "none":
        return None
    if throttle == "contract":
        regime = setup.contract.feed_at(setup.config.start)
        return None if regime is None else regime.max_orders_per_second
    return float(throttle)


class Orders(NamedTuple):
    """Single liquidation orders, arrays of shape (order,).

    Attributes
    ----------
    time : ndarray
        Seconds since 1970 UTC at which each reached the market.
    row : ndarray of int
        Row in linear coordinates.
    quantity : ndarray
        Quantity units.
    bar : ndarray of int
        Published bar of the liquidation; its children are counted there too.
    """

    time: FloatArray
    row: IntArray
    quantity: FloatArray
    bar: IntArray


def split_orders(
    rng: np.random.Generator, events: FloatArray, setup: Setup, clock: Clock, far_share: FloatArray
) -> Orders:
    """Split liquidations into the single orders sent to the market.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    events : ndarray, shape (event, 5)
        Step, row, quantity, price (linear coordinates), share of the way to the extreme.
    setup, clock : Setup, Clock
        Constants and time grid.
    far_share : ndarray, shape (step,)
        Share of each step that price takes to its extreme: small where it jumps.
    """
    step = events[:, 0].astype(np.int64)
    feed = setup.config.feed
    quantity = events[:, 2]
    quote = quantity * events[:, 3] if setup.orientation > 0 else quantity
    children = np.clip(np.ceil(quote / feed.order_notional), 1, _MOST_CHILDREN).astype(np.int64)
    begin = clock.begin[step] + clock.step_seconds[step] * events[:, 4] * far_share[step]
    bar = (clock.begin[step] - clock.start) // setup.config.bar_seconds
    parent = np.repeat(np.arange(step.size), children)
    head = np.cumsum(children) - children
    waited = np.cumsum(rng.exponential(feed.child_seconds, parent.size))
    time = begin[parent] + waited - np.repeat(waited[head], children)
    return Orders(
        time=np.asarray(time, dtype=np.float64),
        row=events[parent, 1].astype(np.int64),
        quantity=np.asarray((quantity / children)[parent], dtype=np.float64),
        bar=bar[parent],
    )


def time_to_extreme(low: FloatArray, high: FloatArray, scale: FloatArray) -> FloatArray:
    """Share of a step until price is at its extreme: a half, much less where it jumped.

    Diffusion covers a distance d in a time of order (d / scale)²; a step that went much further
    did so in a jump.
    """
    reach = np.maximum(np.abs(low), np.abs(high)) / np.maximum(scale, 1e-12)
    return np.asarray(1 / (1 + np.maximum(reach, 1.0) ** 2), dtype=np.float64)


def throttled(
    time: FloatArray, quantity: FloatArray, limit: float | None, kept: str
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which orders a throttled feed shows.

    Parameters
    ----------
    time, quantity : ndarray, shape (order,)
        Seconds and size of the orders of both sides.
    limit : float or None
        Orders a second. Below one, windows of 1 / limit seconds show one order each; above one,
        every second shows the floor of it.
    kept : {"largest", "latest"}
        Which orders of a window are shown.
    """
    if limit is None or time.size == 0:
        return np.ones(time.size, dtype=np.bool_)
    width = max(1.0, 1.0 / limit)
    room = max(1, int(limit))
    window = np.floor(time / width).astype(np.int64)
    rank_by = -quantity if kept == "largest" else -time
    order = np.lexsort((rank_by, window))
    sorted_window = window[order]
    start = np.flatnonzero(np.concatenate([[True], np.diff(sorted_window) > 0]))
    place = np.arange(order.size) - np.repeat(start, np.diff(np.concatenate([start, [order.size]])))
    shown = np.zeros(time.size, dtype=np.bool_)
    shown[order[place < room]] = True
    return shown


def reported(
    rng: np.random.Generator, orders: Orders, setup: Setup, limit: float | None
) -> FloatArray:
    """Reported liquidations per row and bar, shape (2, bar), quantity units."""
    shown = throttled(orders.time, orders.quantity, limit, setup.config.feed.kept)
    shown &= rng.random(orders.time.size) < setup.kappa
    totals = np.zeros((2, setup.config.bars))
    np.add.at(totals, (orders.row[shown], orders.bar[shown]), orders.quantity[shown])
    return totals
