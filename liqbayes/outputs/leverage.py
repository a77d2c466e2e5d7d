"""Effective leverage of the living book and of what was opened lately."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.conventions import OPENED_WINDOWS
from liqbayes.engine.recursion import OPENED
from liqbayes.errors import InputError
from liqbayes.model.data import SIDES, Leg
from liqbayes.outputs.context import Context, Draw, open_fit
from liqbayes.outputs.windows import first_bar

FloatArray = NDArray[np.float64]


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
        Duration for ``weighting="opened"``; all that is modelled if not given.
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.DataArray, dims (chain, draw, side, leverage)
        Shares that sum to one; coordinates ``leverage_low`` and ``leverage_high``, highest first.

    Raises
    ------
    InputError
        If the weighting is unknown, or the window no duration, no whole number of bars or
        longer than what is modelled: the last segment without its first bar.
    """
    if weighting not in ("open_interest", "opened"):
        raise InputError(f"weighting is {weighting!r}; use 'open_interest' or 'opened'.")
    context = open_fit(fit, group, "expected")
    cells = context.evaluator.data.cells
    first = first_bar(context, window) if weighting == "opened" else 0
    if first is None:
        raise InputError(
            f"window {window!r} is longer than what is modelled of the panel, or no whole number "
            "of bars."
        )
    out = np.zeros((*context.shape, 2, cells.n_cells))
    for draw in context.draws():
        for j, side in enumerate(SIDES):
            if weighting == "open_interest":
                parts = _living(context, draw, side)
            else:
                parts = _opened(context, draw, side, first)
            value = np.sum([v for _, v in parts], axis=0)
            # a rule's side can be empty, and shares of nothing are unknown
            out[(*draw.index, j)] = value / value.sum() if value.sum() > 0 else np.nan
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
    quantity. Linear longs and inverse shorts without a level count as 1x.

    Returns
    -------
    xarray.DataArray, dims (chain, draw, side, window)
        ``window`` is ``open_interest`` or a duration; NaN where the window is no whole number of
        bars or longer than what is modelled.
    """
    context = open_fit(fit, group, "expected")
    cells = context.evaluator.data.cells
    windows = ("open_interest", *OPENED_WINDOWS)
    firsts = {w: first_bar(context, w) for w in OPENED_WINDOWS}
    out = np.full((*context.shape, 2, len(windows)), np.nan)
    for draw in context.draws():
        for j, side in enumerate(SIDES):
            for i, name in enumerate(windows):
                if name == "open_interest":
                    parts = _living(context, draw, side)
                elif (first := firsts[name]) is not None:
                    parts = _opened(context, draw, side, first)
                else:
                    continue
                quantity = sum(value.sum() for _, value in parts)
                if quantity > 0:
                    inverse = sum((v * cells.inverse(leg.kind, side)).sum() for leg, v in parts)
                    out[(*draw.index, j, i)] = quantity / inverse
    return xr.DataArray(
        out,
        dims=("chain", "draw", "side", "window"),
        coords={**context.coords(), "window": list(windows)},
        attrs={**context.attrs(), "weighting": "quantity, harmonic", "units": "x"},
        name="average_leverage",
    )


def _living(context: Context, draw: Draw, side: str) -> list[tuple[Leg, FloatArray]]:
    """Living quantity per leverage cell of every leg, in the panel's unit."""
    at = context.last
    return [
        (leg, draw.runs[leg.name, side].living[at].sum(axis=0) * leg.at_close[at])
        for leg in context.evaluator.data.legs
    ]


def _opened(context: Context, draw: Draw, side: str, first: int) -> list[tuple[Leg, FloatArray]]:
    """Quantity opened per leverage cell since a bar of every leg, in the panel's unit."""
    data = context.evaluator.data
    bars = slice(first, context.last + 1)
    shares = draw.shares[SIDES.index(side)]
    out = []
    for leg in data.legs:
        opened = draw.runs[leg.name, side].by_class[OPENED, :, bars]
        own = shares.reshape(len(opened), -1, shares.shape[1])
        by_cell = sum(o @ s[data.block[bars]] for o, s in zip(opened, own, strict=True))
        out.append((leg, np.asarray(by_cell) * leg.at_close[context.last]))
    return out
