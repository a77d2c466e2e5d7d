"""Which of a position's orders comes first on price paths."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.analysis.paths import PathSet
from liqbayes.analysis.position.level import Held
from liqbayes.errors import InputError

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def order_events(held: Held, paths: PathSet, horizons: Mapping[str, int]) -> pd.DataFrame:
    """Probabilities of what comes first to a position within each horizon.

    An order is filled when price is at its price: queues, sizes and gaps beyond it are left out.
    Bars do not tell the order of their extremes: where the take-profit and the stop (or the
    liquidation level) are both reached within one bar, or the take-profit within the bar in which
    the limit order fills, what came first is unknown and counted as such.

    Parameters
    ----------
    held : Held
    paths : PathSet
        From its mark price, with the extremes of each bar.
    horizons : mapping of str to int
        Name to bars.

    Returns
    -------
    DataFrame
        ``horizon``, ``event``, ``low``, ``median`` (the probability), ``high``. Events:
        "filled" of a limit order; with a take-profit "take-profit first", "stop first" (without a
        stop "liquidation first"), "order unknown" and "neither", without one "stop" or
        "liquidated"; with a stop also "level within the bar of the stop", in which a gap may
        liquidate before the stop fills. They are probabilities of all paths, not of those that
        filled.

    Raises
    ------
    InputError
        If the paths lack the extremes of bars, or begin elsewhere.
    """
    if paths.bar_low.shape != paths.low.shape:
        raise InputError("these paths lack the extremes of each bar; draw them with price_paths.")
    if not np.isclose(paths.mark_price, held.mark_price, rtol=1e-9):
        raise InputError(
            f"the paths begin at {paths.mark_price:g}, the mark price is {held.mark_price:g}."
        )
    p, s = held.position, held.sign
    worst = paths.bar_low if s > 0 else -paths.bar_high
    best = paths.bar_high if s > 0 else -paths.bar_low

    def at(price: float) -> np.float32:
        return np.float32(s * price / paths.mark_price)

    n, bars = worst.shape
    bar = np.arange(bars)
    filled = np.zeros(n, np.int64)
    if p.limit is not None:
        filled = _first(worst <= at(p.limit))
    since = bar >= filled[:, None]
    never = np.full(n, bars, np.int64)
    level = _first((worst <= at(held.level)) & since) if held.reachable else never
    stop = level if p.stop is None else _first((worst <= at(p.stop)) & since)
    profit = never if p.take_profit is None else _first((best >= at(p.take_profit)) & since)
    unsure = profit == stop
    if p.limit is not None:
        unsure |= profit == filled
    ends = "liquidation" if p.stop is None else "stop"
    rows = []
    for name, length in horizons.items():
        if not 1 <= length <= bars:
            raise InputError(f"horizon {name!r} is {length} bars, the paths have {bars}.")
        opened = filled < length
        out = (np.minimum(profit, stop) < length) & opened
        events: dict[str, BoolArray] = {}
        if p.limit is not None:
            events["filled"] = opened
        if p.take_profit is not None:
            events["take-profit first"] = out & (profit < stop) & ~unsure
            events[f"{ends} first"] = out & (stop < profit) & ~unsure
            events["order unknown"] = out & unsure
            events["neither"] = opened & ~out
        elif p.stop is not None:
            events["stop"] = out
        else:
            events["liquidated"] = out
        if p.stop is not None:
            # price passed both in one bar: whether the stop filled in time depends on the gap
            events["level within the bar of the stop"] = out & (stop == level) & (stop <= profit)
        rows += [(name, event, *paths.share_interval(hit)) for event, hit in events.items()]
    return pd.DataFrame(rows, columns=["horizon", "event", "low", "median", "high"])


def _first(hit: BoolArray) -> IntArray:
    """First bar of each path in which something happens; the number of bars if it does not."""
    return np.where(hit.any(axis=1), hit.argmax(axis=1), hit.shape[1]).astype(np.int64)
