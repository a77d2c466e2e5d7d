"""What a published rule looks at, read from a panel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
_PRICES = ("open", "high", "low", "close")
HALVED = (
    "the panel has no taker volume: half of each bar's volume counts as bought and half as sold"
)


@dataclass(frozen=True)
class Bars:
    """Bars of one market, oldest first; NaN is unknown.

    Attributes
    ----------
    end : ndarray of datetime64[ns], shape (time,)
        Bar close.
    bar_hours : float
    kind : str
        ``linear``, ``inverse`` or ``aggregate``.
    open, high, low, close : ndarray, shape (time,)
        Price that triggers liquidation: mark price where the panel has it, else last price.
    """

    end: NDArray[np.datetime64]
    bar_hours: float
    kind: str
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray

    @classmethod
    def of(cls, panel: MarketPanel) -> "Bars":
        """Read prices off a panel."""
        step = np.timedelta64(panel.bar_seconds, "s")
        return cls(
            (np.asarray(panel.time) + step).astype("datetime64[ns]"),
            panel.bar_seconds / 3600,
            panel.contract.kind,
            *(trigger_price(panel, name) for name in _PRICES),
        )

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return int(self.end.size)

    @property
    def before(self) -> FloatArray:
        """Close of the bar before, shape (time,); NaN for the first."""
        return np.append(np.nan, self.close[:-1])

    @property
    def known(self) -> NDArray[np.bool_]:
        """Bars whose prices and whose price before are known, shape (time,)."""
        prices = (self.open, self.high, self.low, self.close, self.before)
        return np.asarray(np.all([np.isfinite(p) for p in prices], axis=0))


def trigger_price(panel: MarketPanel, name: str) -> FloatArray:
    """Mark price in bars where the panel has all four of it, else last price, shape (time,)."""
    last = np.array(panel.values(name), float)
    if not all(panel.has(f"mark_{each}") for each in _PRICES):
        return last
    known = np.all([np.isfinite(panel.values(f"mark_{each}")) for each in _PRICES], axis=0)
    return np.where(known, panel.values(f"mark_{name}"), last)


def mean_price(panel: MarketPanel) -> FloatArray:
    """Mean of open, high, low and close: what a bar's volume is taken to have traded at."""
    return np.asarray(np.mean([panel.values(name) for name in _PRICES], axis=0))


def taker_volumes(panel: MarketPanel) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Volume bought and sold by takers, each (time,), in the panel's quantity unit, and notes.

    Raises
    ------
    InputError
        If the panel has no volume.
    """
    volume = np.array(panel.values("volume"), float)
    if not panel.has("taker_buy_volume"):
        return volume / 2, volume / 2, (HALVED,)
    bought = np.array(panel.values("taker_buy_volume"), float)
    return bought, np.maximum(volume - bought, 0.0), ()
