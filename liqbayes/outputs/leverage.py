"""Effective leverage of the living book and of what was opened lately."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.engine.recursion import OPENED
from liqbayes.errors import InputError
from liqbayes.model.data import SIDES
from liqbayes.outputs.context import Context, Draw, open_fit
from liqbayes.outputs.flows import duration_seconds

FloatArray = NDArray[np.float64]
OPENED_WINDOWS = ("1h", "4h", "1d", "7d", "30d")


def leverage_distribution(
    fit: xr.DataTree,
    *,
    weighting: str = "open_interest",
    window: str | None = None,
    group: str = "posterior",
) -> xr.DataArray:
    """Distribution of effective leverage (inverse distance to liquidation at the anchor price).

    Parameters
    ----------
    fit : xarray.DataTree
    weighting : {"open_interest", "opened"}
        Living open interest at the last bar, or what was opened within ``window`` before it.
    window : str, optional
        Duration for ``weighting="opened"``; the whole panel if not given.
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.DataArray, dims (chain, draw, side, leverage)
        Shares that sum to one; coordinates ``leverage_low`` and ``leverage_high``, highest first.

    Raises
    ------
    InputError
        If the weighting is unknown, or the window no duration or longer than the panel.
    """
    if weighting not in ("open_interest", "opened"):
        raise InputError(f"weighting is {weighting!r}; use 'open_interest' or 'opened'.")
    context = open_fit(fit, group, "expected")
    cells = context.evaluator.data.cells
    first = _first_bar(context, window) if weighting == "opened" else 0
    if first is None:
        raise InputError(f"window {window!r} is longer than the panel or shorter than a bar.")
    out = np.zeros((*context.shape, 2, cells.n_cells))
    for draw in context.draws():
        for j, side in enumerate(SIDES):
            if weighting == "open_interest":
                value = _living(context, draw, side)
            else:
                value = _opened(context, draw, side, first)
            out[(*draw.index, j)] = value / value.sum()
    return xr.DataArray(
        out,
        dims=("chain", "draw", "side", "leverage"),
        coords={
            **context.coords(),
            "leverage": cells.middle(),
            "leverage_low": ("leverage", cells.low),
            "leverage_high": ("leverage", cells.edges),
        },
        attrs={**context.attrs(), "weighting": weighting, "units": "share"},
        name="leverage_distribution",
    )


def average_leverage(fit: xr.DataTree, *, group: str = "posterior") -> xr.DataArray:
    """Average effective leverage of the living book and of what was opened lately.

    The average is harmonic, ``1 / mean(1 / leverage)``: the leverage of the pooled position, and
    finite where the arithmetic mean hangs on a few extreme accounts. Both are weighted by
    quantity; positions without a level count with the leverage of their cell (below 1.05x).

    Returns
    -------
    xarray.DataArray, dims (chain, draw, side, window)
        ``window`` is ``open_interest`` or a duration; NaN where the panel is shorter.
    """
    context = open_fit(fit, group, "expected")
    inverse = 1.0 / context.evaluator.data.cells.middle()
    windows = ("open_interest", *OPENED_WINDOWS)
    firsts = {w: _first_bar(context, w) for w in OPENED_WINDOWS}
    out = np.full((*context.shape, 2, len(windows)), np.nan)
    for draw in context.draws():
        for j, side in enumerate(SIDES):
            for i, name in enumerate(windows):
                if name == "open_interest":
                    value = _living(context, draw, side)
                elif (first := firsts[name]) is not None:
                    value = _opened(context, draw, side, first)
                else:
                    continue
                if value.sum() > 0:
                    out[(*draw.index, j, i)] = value.sum() / (value * inverse).sum()
    return xr.DataArray(
        out,
        dims=("chain", "draw", "side", "window"),
        coords={**context.coords(), "window": list(windows)},
        attrs={**context.attrs(), "weighting": "quantity, harmonic", "units": "x"},
        name="average_leverage",
    )


def _first_bar(context: Context, window: str | None) -> int | None:
    """First bar of a window that ends at the last bar; None if the panel does not cover it."""
    begin = context.evaluator.data.path.segments[-1][0] + 1
    if window is None:
        return begin
    seconds = duration_seconds(window)
    step = context.panel.bar_seconds
    if seconds % step or seconds < step:
        return None
    first = context.last + 1 - seconds // step
    return first if first >= begin else None


def _living(context: Context, draw: Draw, side: str) -> FloatArray:
    """Living quantity per leverage cell over all legs, in the panel's unit."""
    at = context.last
    return np.asarray(
        sum(
            draw.runs[leg.name, side].living[at].sum(axis=0) * leg.to_common[at]
            for leg in context.evaluator.data.legs
        )
    )


def _opened(context: Context, draw: Draw, side: str, first: int) -> FloatArray:
    """Quantity opened per leverage cell since a bar, over all legs."""
    data = context.evaluator.data
    bars = slice(first, context.last + 1)
    shares = draw.shares[SIDES.index(side)]
    total = np.zeros(data.cells.n_cells)
    for leg in data.legs:
        opened = draw.runs[leg.name, side].by_class[OPENED, :, bars].sum(axis=0)
        total += (opened @ shares[data.block[bars]]) * leg.to_common[context.last]
    return total
