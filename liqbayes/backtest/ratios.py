"""Ratios of mean scores with intervals, paired by bar."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.backtest.bands import BLOCK, ratio_band
from liqbayes.backtest.frames import by_bar
from liqbayes.contracts import SIDES

FloatArray = NDArray[np.float64]
POOLED = "pooled"
SCORE = "crps_log"


def ratio_table(
    frame: pd.DataFrame, task: str, one: str, other: str, bar_hours: float, seed: int
) -> dict[str, list[float] | None]:
    """Mean log-scale CRPS of one forecaster over that of another, with 90 % intervals.

    Parameters
    ----------
    frame : DataFrame
        See ``frames.bars_frame``.
    task, one, other : str
    bar_hours : float
    seed : int
        Of the bootstrap, whose blocks are of a day, of 24 bars at least.

    Returns
    -------
    dict
        ``long``, ``short``, ``pooled``: low, estimate and high, on the bars that both have
        forecast; None where there are none. Ends are NaN where there are too few blocks.
    """
    ours, theirs = (paired(frame, task, name) for name in (one, other))
    block = block_of(bar_hours)
    out: dict[str, list[float] | None] = {
        side: pooled_ratio([ours[j]], [theirs[j]], block, seed) for j, side in enumerate(SIDES)
    }
    out[POOLED] = pooled_ratio([ours], [theirs], block, seed)
    return out


def block_of(bar_hours: float) -> int:
    """Bars of a bootstrap block: a day, and no fewer than 24."""
    return max(round(24.0 / bar_hours), BLOCK)


def paired(frame: pd.DataFrame, task: str, name: str) -> FloatArray:
    """Scores of a forecaster on the bars of a table, shape (side, bar); NaN where it has none."""
    chosen = frame[frame["task"] == task]
    if chosen.empty:
        return np.full((len(SIDES), 0), np.nan)
    bars = np.arange(chosen["bar"].min(), chosen["bar"].max() + 1)
    out = np.full((len(SIDES), bars.size), np.nan)
    for j, side in enumerate(SIDES):
        scores = by_bar(frame, task, side, SCORE)
        if name in scores:
            out[j] = scores[name].reindex(bars).to_numpy()
    return out


def pooled_ratio(
    ours: Sequence[FloatArray], theirs: Sequence[FloatArray], block: int, seed: int
) -> list[float] | None:
    """Low, estimate and high of a ratio over groups of series; None where nothing is paired."""
    if not any((np.isfinite(a) & np.isfinite(b)).any() for a, b in zip(ours, theirs, strict=True)):
        return None
    return ratio_band(ours, theirs, block=block, seed=seed).as_list()
