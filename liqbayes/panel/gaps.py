"""Segments of known bars, and open interest bridged over its gaps."""

from typing import Any

import numpy as np

from liqbayes.panel.columns import PRICES
from liqbayes.panel.panel import MarketPanel

Array = np.ndarray[Any, Any]


def runs(mask: Array) -> list[tuple[int, int]]:
    """Runs of True as (start, stop), stop excluded."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def known_bars(panel: MarketPanel) -> Array:
    """Bars whose four prices, and volume where the panel has it, are known; shape (n_bars,)."""
    names = (*PRICES, "volume") if panel.has("volume") else PRICES
    return np.asarray(np.all([np.isfinite(panel.values(name)) for name in names], axis=0))


def segments(panel: MarketPanel) -> list[tuple[int, int]]:
    """Stretches of consecutive bars with known price and volume.

    An unknown price or volume ends a segment, because no level can be followed through it.

    Returns
    -------
    list of (start, stop)
        Bar positions, stop excluded, in order.
    """
    return runs(known_bars(panel))


def open_interest_bridged(panel: MarketPanel, name: str = "open_interest") -> tuple[Array, Array]:
    """Open interest with its gaps bridged log-linearly within each segment.

    Parameters
    ----------
    panel : MarketPanel
    name : str
        ``"open_interest"`` or a leg of an aggregate.

    Returns
    -------
    values : (n_bars,) array
        Known values, the bridge in gaps between two known values of one segment, NaN elsewhere:
        nothing is extrapolated and no bridge crosses a segment's end.
    bridged : (n_bars,) array of bool
        True where the value is the bridge's and not the venue's.
    """
    values = panel.values(name).copy()
    bridged = np.zeros(panel.n_bars, dtype=bool)
    outside = ~known_bars(panel)
    for start, stop in segments(panel):
        known = start + np.flatnonzero(np.isfinite(values[start:stop]))
        if len(known) < 2:
            continue
        inner = np.arange(known[0], known[-1] + 1)
        gap = inner[~np.isfinite(values[inner])]
        values[gap] = np.exp(np.interp(gap, known, np.log(values[known])))
        bridged[gap] = True
    values[outside] = np.nan
    return values, bridged
