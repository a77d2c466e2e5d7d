"""A map of liquidation levels as any tool draws it: instants, sides, prices, amounts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class LevelMap:
    """Levels at several instants, one row a level.

    Attributes
    ----------
    time : ndarray of datetime64[ns], shape (snapshot,)
        Instants, UTC, ascending; a snapshot may use what was known then and nothing later.
    snapshot : ndarray of int64, shape (level,)
        Which instant a level belongs to.
    side : ndarray of int64, shape (level,)
        0 long, 1 short.
    low, high : ndarray, shape (level,)
        Prices between which the amount is spread evenly in log price; equal for a point.
    amount : ndarray, shape (level,)
        What would be liquidated there, not negative.
    notes : tuple of str
        What the map took for granted.
    """

    time: NDArray[np.datetime64]
    snapshot: IntArray
    side: IntArray
    low: FloatArray
    high: FloatArray
    amount: FloatArray
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no map."""
        columns = (self.snapshot, self.side, self.low, self.high, self.amount)
        if len({column.shape for column in columns}) > 1 or self.snapshot.ndim != 1:
            raise InputError("a map needs as many snapshots, sides, prices and amounts.")
        if not self.snapshot.size:
            raise InputError("the map holds no level; there is nothing to judge.")
        if not (np.diff(self.time.astype(np.int64)) > 0).all():
            raise InputError("the map's times do not ascend; sort them and drop repeated ones.")
        if self.snapshot.min() < 0 or self.snapshot.max() >= self.time.size:
            raise InputError("a level belongs to an instant that the map does not have.")
        if not np.isin(self.side, (0, 1)).all():
            raise InputError("a side is neither 0 (long) nor 1 (short).")
        prices = np.isfinite(self.low) & np.isfinite(self.high) & (self.low > 0)
        if not (prices & (self.high >= self.low)).all():
            raise InputError("prices must be positive and finite, and low not above high.")
        if not (np.isfinite(self.amount) & (self.amount >= 0)).all():
            raise InputError("amounts must be finite and not negative.")

    @property
    def price(self) -> FloatArray:
        """Geometric middle of each level, shape (level,)."""
        return np.asarray(np.sqrt(self.low) * np.sqrt(self.high))

    def totals(self) -> FloatArray:
        """Sum of amounts, shape (side, snapshot)."""
        flat = np.bincount(
            self.side * self.time.size + self.snapshot, self.amount, 2 * self.time.size
        )
        return flat.reshape(2, self.time.size)

    def table(self) -> pd.DataFrame:
        """Rows as in the documented CSV: time, side, price, amount, price_low, price_high."""
        columns: dict[str, Any] = {
            "time": self.time[self.snapshot],
            "side": np.array(SIDES)[self.side],
            "price": self.price,
            "amount": self.amount,
        }
        if (self.high > self.low).any():
            columns |= {"price_low": self.low, "price_high": self.high}
        return pd.DataFrame(columns)


def stack(
    time: NDArray[np.datetime64],
    close: FloatArray,
    parts: list[tuple[int, int, FloatArray, FloatArray]],
    notes: tuple[str, ...] = (),
) -> LevelMap:
    """A map of points from (snapshot, side, prices, amounts); empty levels are left out.

    A snapshot without any keeps one level of amount 0 at ``close``, shape (snapshot,), so that a
    file of it does not lose the snapshot.
    """
    kept = [(i, j, price[amount > 0], amount[amount > 0]) for i, j, price, amount in parts]
    held = np.bincount([i for i, *_ in kept], [p.size for _, _, p, _ in kept], time.size)
    none = np.flatnonzero(held == 0)
    kept += [(int(i), 0, close[i : i + 1], np.zeros(1)) for i in none]
    sizes = [price.size for _, _, price, _ in kept]
    price = np.concatenate([np.zeros(0), *(p for _, _, p, _ in kept)])
    return LevelMap(
        time=time,
        snapshot=np.repeat([i for i, _, _, _ in kept], sizes).astype(np.int64),
        side=np.repeat([j for _, j, _, _ in kept], sizes).astype(np.int64),
        low=price,
        high=price,
        amount=np.concatenate([np.zeros(0), *(a for _, _, _, a in kept)]),
        notes=notes,
    )
