"""The book at the start of the warm-up: positions opened over a price history."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.simulate.book import (
    ANCHOR,
    CAP,
    COLLATERAL,
    ENTRY,
    INITIAL,
    ISOLATED,
    LEVEL,
    MARGIN,
    RATE,
    RUNGS,
    SIZE,
    SLOT,
    SLOTS,
    STOP,
    TOPUPS,
    WISH,
    FloatArray,
    empty_book,
)
from liqbayes.simulate.kernels import refresh_all
from liqbayes.simulate.population import (
    ALONE,
    LEAVES,
    PATIENCE,
    POSTED,
    STOP_SHARE,
    WANTED,
    IntArray,
)
from liqbayes.simulate.positions import COUNT, HELD_BY, TALLY_SIZE, Desk
from liqbayes.simulate.price import Drive
from liqbayes.simulate.setup import Setup

_ROUNDS = 200


def desk_of(book: FloatArray, counts: tuple[int, int], orders: int) -> Desk:
    """A desk with nobody building a position and room for `orders` liquidation orders."""
    slots = np.zeros((2, 2, SLOTS))
    slots[HELD_BY] = -1
    tally = np.zeros(TALLY_SIZE, dtype=np.int64)
    tally[COUNT : COUNT + 2] = counts
    return Desk(book=book, slots=slots, events=np.zeros((orders, 5)), tally=tally)


def seed_desk(
    rng: np.random.Generator, setup: Setup, history: Drive, log_price: float, reserve: int
) -> Desk:
    """Fill both sides of the book with survivors of the price history.

    Ages are exponential with the mean of each holding class, truncated at the length of the
    history; a position opened then survives if price has not crossed its level since.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    setup : Setup
        Constants of the market.
    history : Drive
        Path before the warm-up, linear coordinates.
    log_price : float
        Log price at its end, linear coordinates.
    reserve : int
        Free places to leave per row.

    Raises
    ------
    InputError
        If nearly no position survives the history.
    """
    closes = log_price - np.concatenate([np.cumsum(history.close[::-1])[::-1], [0.0]])
    # Extremes from each hour to the end of the history, per row.
    low = np.minimum.accumulate((closes[:-1] + history.low)[::-1])[::-1]
    high = np.maximum.accumulate((closes[:-1] + history.high)[::-1])[::-1]
    rows: list[list[FloatArray]] = [[], []]
    held = np.zeros(2)
    for _ in range(_ROUNDS):
        book, hour = _candidates(rng, setup, closes)
        for row, far in enumerate((low, high)):
            kept = book[:, row, _survives(book[LEVEL, row], row, far[hour[row]])]
            rows[row].append(kept)
            held[row] += kept[SIZE].sum()
        if (held >= setup.target).all():
            return _assembled([np.concatenate(parts, axis=1) for parts in rows], setup, reserve)
    raise InputError(
        "too little of the book survives the price history of this market: lower the leverage, the "
        f"volatility or history_days={setup.config.history_days}"
    )


def _candidates(
    rng: np.random.Generator, setup: Setup, closes: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Positions opened at random ages before any was liquidated, and the hours of their entry."""
    count = int(setup.target / min(setup.sizes)) + 64
    holding = setup.config.behaviour.holding
    share = np.array([kind.share / kind.size for kind in holding])
    kinds = rng.choice(share.size, size=(2, count), p=share / share.sum())
    hours = np.array([kind.hours for kind in holding])[kinds]
    length = closes.size - 1
    age = -hours * np.log1p(rng.random((2, count)) * np.expm1(-length / hours))
    hour = np.clip(length - 1 - age.astype(np.int64), 0, length - 1)
    traders = setup.traders(rng, kinds)
    entry = np.exp(closes[hour])
    notional = traders[WANTED] * entry
    least = setup.tiers[INITIAL, np.searchsorted(setup.tiers[CAP], notional)]
    book = empty_book(count)
    book[SIZE] = traders[WANTED]
    book[ENTRY] = book[ANCHOR] = entry
    book[MARGIN] = np.maximum(traders[POSTED], least)
    book[COLLATERAL] = book[MARGIN] * notional
    book[STOP] = book[WISH] = traders[STOP_SHARE]
    book[RATE] = traders[LEAVES]
    book[ISOLATED] = traders[ALONE]
    book[TOPUPS] = traders[PATIENCE]
    book[RUNGS] = setup.rules.ladder_rungs
    book[SLOT] = -1
    refresh_all(desk_of(book, (count, count), 1), setup.tiers, setup.rules)
    return book, hour


def _survives(level: FloatArray, row: int, far: FloatArray) -> NDArray[np.bool_]:
    sign = 1.0 - 2.0 * row
    with np.errstate(divide="ignore"):
        log_level = np.log(np.where(np.isfinite(level), level, 0.0))
    return np.asarray(sign * far > sign * log_level)


def _assembled(rows: list[FloatArray], setup: Setup, reserve: int) -> Desk:
    """Cut each row at exactly the wanted open interest and put both into one book."""
    counts = []
    for row in rows:
        total = np.cumsum(row[SIZE])
        last = int(np.searchsorted(total, setup.target))
        cut = row[SIZE, last] - (total[last] - setup.target)
        row[COLLATERAL, last] *= cut / row[SIZE, last]
        row[SIZE, last] = cut
        counts.append(last + 1)
    capacity = 2 * (max(counts) + reserve)
    book = empty_book(capacity)
    for index, (row, count) in enumerate(zip(rows, counts, strict=True)):
        book[:, index, :count] = row[:, :count]
    orders = 4 * capacity * (setup.rules.ladder_rungs + 1)
    desk = desk_of(book, (counts[0], counts[1]), orders)
    refresh_all(desk, setup.tiers, setup.rules)
    return desk
