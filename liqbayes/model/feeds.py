"""The liquidation feed: what was reported, which bars are scored, what a venue can report."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.model.columns import Columns
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Feed:
    """Reported liquidations of one side.

    Attributes
    ----------
    bars : ndarray of int64, shape (report,)
        Bars whose report is known and scored.
    reported : ndarray, shape (time,)
        Reported quantity in the panel's unit, scored or not; 0 where unknown.
    known : ndarray of bool, shape (time,)
        Modelled bars whose report is known, scored or not: the hours before a segment's first
        scored bar have reports too.
    """

    bars: IntArray
    reported: FloatArray
    known: BoolArray


def has_feed(spec: ModelSpec, panel: MarketPanel) -> bool:
    """Whether the model scores a feed and the panel has both sides of it."""
    return "liquidation_feed" in spec.channels and all(
        panel.has(f"{s}_liquidations") for s in SIDES
    )


def read_feeds(columns: Columns, start: IntArray, scored_from: IntArray) -> dict[str, Feed]:
    """Reports of each side; none at all if a side has no bar to score."""
    scored = np.zeros(columns.n_bars, bool)
    first = iter(scored_from)
    begin = columns.n_bars
    for t in range(columns.n_bars):
        if start[t] == 1:
            begin = int(next(first))
        scored[t] = start[t] == 0 and t >= begin
    out = {}
    for side in SIDES:
        reported = columns.get(f"{side}_liquidations")
        known = np.isfinite(reported) & (start == 0)
        counted = known & scored
        out[side] = Feed(
            bars=np.flatnonzero(counted).astype(np.int64),
            reported=np.where(start == 0, np.nan_to_num(reported), 0.0),
            known=known,
        )
        if counted.any() and not (out[side].reported[counted] > 0).any():
            raise InputError(
                f"{side}_liquidations is zero in every bar: a feed that reports nothing is "
                "unknown, not zero. Leave the column out."
            )
    return {} if any(f.bars.size == 0 for f in out.values()) else out


def feed_capacity(spec: ModelSpec, panel: MarketPanel, columns: Columns) -> FloatArray:
    """Most orders that can be reported in each bar; infinite where the feed is not throttled.

    With a constant reporting share it is infinite everywhere.
    """
    if spec.feed_throttle == "constant":
        return np.full(columns.n_bars, np.inf)
    days = columns.time.astype("datetime64[D]")
    out = np.full(columns.n_bars, np.inf)
    for day in np.unique(days):
        regime: Any = panel.contract.feed_at(day.item())
        if regime is not None and regime.max_orders_per_second is not None:
            out[days == day] = regime.max_orders_per_second * panel.bar_seconds
    return out
