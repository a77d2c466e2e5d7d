"""What forecasters of liquidations may look at: ratios to open interest, bar by bar."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.peers.bars import trigger_price

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.datetime64]
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, eq=False)
class BarTable:
    """Bars of one market as forecasters see them, oldest first, NaN where unknown.

    Everything but the price is a ratio to the open interest before the bar, so that nothing depends
    on the unit of quantity. Arrays are read-only.

    Attributes
    ----------
    time : ndarray of datetime64[ns], shape (bar,)
        Bar opens, UTC, evenly spaced.
    bar_hours : float
    open, high, low, close : ndarray, shape (bar,)
        Price that triggers liquidation: the mark price where the panel has it, else the last price.
    turnover : ndarray, shape (bar,)
        Volume of the bar over the open interest before it.
    change : ndarray, shape (bar,)
        Change of log open interest over the bar.
    reported : ndarray, shape (2, bar)
        Reported liquidations of longs, then shorts, over the open interest before the bar; 0 where
        none were reported.
    """

    time: TimeArray
    bar_hours: float
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    turnover: FloatArray
    change: FloatArray
    reported: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and freeze the arrays."""
        n = self.time.shape[0]
        for field in fields(self):
            if field.name == "bar_hours":
                continue
            values = getattr(self, field.name)
            if field.name == "time":
                own = np.array(values, dtype="datetime64[ns]")
            else:
                own = np.array(values, dtype=np.float64)
            wanted = (len(SIDES), n) if field.name == "reported" else (n,)
            if own.shape != wanted:
                raise InputError(f"{field.name} has shape {own.shape}; it must have {wanted}.")
            own.flags.writeable = False
            object.__setattr__(self, field.name, own)

    @classmethod
    def of(cls, panel: MarketPanel) -> Self:
        """Table of a panel with volume, open interest and liquidations of both sides.

        A bar after one of unknown open interest has unknown ratios: nothing is bridged, because a
        bridge would look ahead.

        Raises
        ------
        InputError
            If a column is missing, or a side's feed is zero throughout.
        """
        names = ("volume", "open_interest", *(f"{side}_liquidations" for side in SIDES))
        missing = [name for name in names if not panel.has(name)]
        if missing:
            raise InputError(
                f"a backtest needs the columns {', '.join(names)}; the panel lacks "
                f"{', '.join(missing)}. Map another column with --column NAME=SOURCE[:UNIT]."
            )
        for side in SIDES:
            feed = panel.values(f"{side}_liquidations")
            if not (feed[np.isfinite(feed)] > 0).any():
                raise InputError(
                    f"{side}_liquidations is zero in every bar: a feed that reports nothing is "
                    "unknown, not zero, and nothing can be scored against it."
                )
        before = interest_before(panel)
        price = {name: trigger_price(panel, name) for name in PRICES}
        return cls(
            time=panel.time,
            bar_hours=panel.bar_seconds / 3600.0,
            **price,
            turnover=panel.values("volume") / before,
            change=np.log(panel.values("open_interest") / before),
            reported=np.stack([panel.values(f"{side}_liquidations") / before for side in SIDES]),
        )

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return int(self.time.shape[0])

    def rows(self, start: int | None, stop: int | None) -> Self:
        """Bars ``start <= t < stop`` as a table; indices as in slices."""
        part = slice(start, stop)
        return replace(
            self,
            **{
                field.name: getattr(self, field.name)[..., part]
                for field in fields(self)
                if field.name != "bar_hours"
            },
        )

    def append(
        self,
        *,
        open: ArrayLike,
        high: ArrayLike,
        low: ArrayLike,
        close: ArrayLike,
        turnover: ArrayLike,
    ) -> Self:
        """The table with further bars of known price and turnover and nothing else known.

        Parameters
        ----------
        open, high, low, close, turnover : array_like, shape (further bar,)

        Raises
        ------
        InputError
            If lengths differ.
        """
        further = {"open": open, "high": high, "low": low, "close": close, "turnover": turnover}
        added = {name: np.atleast_1d(np.asarray(v, float)) for name, v in further.items()}
        sizes = {values.shape for values in added.values()}
        if len(sizes) != 1 or len(next(iter(sizes))) != 1:
            raise InputError(f"further bars have shapes {sorted(sizes)}; give one length to all.")
        k = next(iter(sizes))[0]
        step = np.timedelta64(round(self.bar_hours * 3600e9), "ns")
        return type(self)(
            time=np.concatenate([self.time, self.time[-1] + step * np.arange(1, k + 1)]),
            bar_hours=self.bar_hours,
            change=np.concatenate([self.change, np.full(k, np.nan)]),
            reported=np.concatenate([self.reported, np.full((len(SIDES), k), np.nan)], axis=1),
            **{name: np.concatenate([getattr(self, name), v]) for name, v in added.items()},
        )


def interest_before(panel: MarketPanel) -> FloatArray:
    """Open interest at the close of the bar before each, in the panel's quantity unit.

    Returns
    -------
    ndarray, shape (bar,)
        NaN at the first bar and after bars of unknown open interest.

    Raises
    ------
    InputError
        If the panel has no open interest, or some that is not positive.
    """
    interest = np.asarray(panel.values("open_interest"), float)
    if (interest <= 0).any():
        raise InputError("open_interest has values that are not positive; mark them unknown (NaN).")
    return np.concatenate([[np.nan], interest[:-1]])
