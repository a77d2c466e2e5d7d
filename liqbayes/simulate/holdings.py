"""What is held: the book as tables, in contract units."""

import numpy as np
import pandas as pd

from liqbayes.contracts import SIDES
from liqbayes.simulate import bars as bar_tools
from liqbayes.simulate.book import ANCHOR, ENTRY, ISOLATED, LEVEL, SIZE, FloatArray
from liqbayes.simulate.positions import COUNT, Desk
from liqbayes.simulate.setup import Setup


def held_by_row(desk: Desk) -> FloatArray:
    """Sum of position sizes of each row."""
    return np.array([desk.book[SIZE, row, : desk.tally[COUNT + row]].sum() for row in range(2)])


def standing(desk: Desk) -> tuple[FloatArray, FloatArray]:
    """Levels and sizes of the positions of each row, shape (2, position), linear coordinates."""
    rows = []
    for row in range(2):
        count = int(desk.tally[COUNT + row])
        rows.append(desk.book[[LEVEL, SIZE], row, :count].copy())
    return rows[0], rows[1]


def levels_table(
    books: list[tuple[FloatArray, FloatArray]], setup: Setup, ends: pd.DatetimeIndex
) -> pd.DataFrame:
    """The true map, a row for each bar close and position with a level."""
    parts = []
    for end, book in zip(ends, books, strict=True):
        for side, row in bar_tools.sides(setup):
            level, size = book[row]
            finite = np.isfinite(level) & (level > 0)
            price = level[finite] if setup.orientation > 0 else 1 / level[finite]
            names = pd.Categorical(np.full(price.size, side), categories=list(SIDES))
            part = {"time": end, "side": names, "price": price, "amount": size[finite]}
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def positions_table(
    desk: Desk, setup: Setup, end: pd.Timestamp
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Positions in contract units, and the harmonic mean leverage of each side.

    Leverage counts from the price of the last decision on size or collateral; positions without a
    level count as leverage 1.
    """
    parts, leverage = [], {}
    for side, row in bar_tools.sides(setup):
        sign, count = 1.0 - 2.0 * row, int(desk.tally[COUNT + row])
        size, level = desk.book[SIZE, row, :count], desk.book[LEVEL, row, :count]
        finite = np.isfinite(level)
        shown = np.where(finite, level, np.nan)
        entry = desk.book[ENTRY, row, :count]
        inverse = np.where(
            finite, np.maximum(sign * (1 - shown / desk.book[ANCHOR, row, :count]), 0.0), 1.0
        )
        leverage[side] = float(size.sum() / (size * inverse).sum())
        parts.append(
            pd.DataFrame(
                {
                    "time": end,
                    "side": side,
                    "size": size,
                    "entry_price": entry if setup.orientation > 0 else 1 / entry,
                    "liquidation_price": shown if setup.orientation > 0 else 1 / shown,
                    "margin_mode": np.where(
                        desk.book[ISOLATED, row, :count] == 1, "isolated", "cross"
                    ),
                }
            )
        )
    return pd.concat(parts, ignore_index=True), leverage
