"""What each bar swept and what was reported of it: the part of a judgement that no map can move.

A bar with the close before it at ``p`` sweeps the levels of longs between ``p`` and its low and of
shorts between ``p`` and its high. Where inside a sweep a liquidation happened is unknown, so that
sweeps are the finest levels that bars can tell apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.table import interest_before
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.peers.bars import trigger_price

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
#: Share of an even spread that is mixed into every map: a map cannot lose more than log(1 / FLOOR)
#: nats by having nothing where a liquidation was.
FLOOR = 0.05


@dataclass(frozen=True)
class Sweeps:
    """Bars of one market, oldest first, as a judge of levels sees them.

    Attributes
    ----------
    time : ndarray of datetime64[ns], shape (time,)
        Bar opens.
    bar_hours : float
    before : ndarray, shape (time,)
        Close of the bar before; trigger price (mark where the panel has it).
    interest : ndarray, shape (time,)
        Open interest before the bar, in the panel's quantity unit.
    value : ndarray, shape (time,)
        Quote value of a unit of quantity at that close.
    reach : ndarray, shape (side, time)
        How far the bar went against the side, in log price; 0 if it did not.
    reported : ndarray, shape (side, time)
        Reported liquidations over open interest; NaN unknown, 0 none.
    """

    time: NDArray[np.datetime64]
    bar_hours: float
    before: FloatArray
    interest: FloatArray
    value: FloatArray
    reach: FloatArray
    reported: FloatArray

    @classmethod
    def of(cls, panel: MarketPanel) -> "Sweeps":
        """Read off a panel.

        Raises
        ------
        InputError
            Without open interest or liquidations of both sides, with a feed of zeros only, or
            without a price that moved.
        """
        names = ("open_interest", *(f"{side}_liquidations" for side in SIDES))
        missing = [name for name in names if not panel.has(name)]
        if missing:
            raise InputError(
                f"levels are judged against reported liquidations and open interest; the panel "
                f"lacks {', '.join(missing)}. Map another column with --column "
                "NAME=SOURCE[:UNIT], or use a panel with a liquidation feed."
            )
        for side in SIDES:
            feed = panel.values(f"{side}_liquidations")
            if not (feed[np.isfinite(feed)] > 0).any():
                raise InputError(
                    f"{side}_liquidations is zero in every bar: a feed that reports nothing is "
                    "unknown, not zero, and no level can be judged by it."
                )
        interest = interest_before(panel)
        close, low, high = (trigger_price(panel, name) for name in ("close", "low", "high"))
        before = np.append(np.nan, close[:-1])
        reach = np.stack([np.log(before / low), np.log(high / before)])
        reach = np.where(np.isfinite(reach), np.maximum(reach, 0.0), np.nan)
        if not (np.nan_to_num(reach) > 0).any():
            raise InputError("price never moved in the panel, so that no level was ever swept.")
        value = np.asarray(panel.contract.to_quote(np.ones(panel.n_bars), before), float)
        reported = np.stack([panel.values(f"{side}_liquidations") / interest for side in SIDES])
        return cls(
            np.asarray(panel.time).astype("datetime64[ns]"),
            panel.bar_seconds / 3600,
            before,
            interest,
            value,
            reach,
            reported,
        )

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return int(self.time.size)

    @property
    def known(self) -> BoolArray:
        """Bars whose sweep, report and open interest are known, shape (side, time)."""
        own = np.isfinite(self.reach) & np.isfinite(self.reported)
        return np.asarray(own & np.isfinite(self.interest) & np.isfinite(self.value))

    @property
    def swept(self) -> BoolArray:
        """Known bars that went against the side at all, shape (side, time)."""
        return np.asarray(self.known & (np.nan_to_num(self.reach) > 0))

    @property
    def weight(self) -> FloatArray:
        """Open interest before each bar in quote currency, shape (time,); 0 where unknown."""
        weight = self.interest * self.value
        return np.where(np.isfinite(weight), weight, 0.0)
