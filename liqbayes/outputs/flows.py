"""Liquidations per bar, and long minus short over windows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.conventions import DELTA_CONVENTION, MOVES, WINDOWS
from liqbayes.model.data import SIDES
from liqbayes.outputs.context import Context, Draw, open_fit
from liqbayes.outputs.levels import at_risk_amounts
from liqbayes.outputs.unreported import beyond_map, given_reports
from liqbayes.outputs.windows import duration_seconds, first_bar

FloatArray = NDArray[np.float64]


def realised_liquidations(
    fit: xr.DataTree, *, kind: str = "realised", group: str = "posterior"
) -> xr.Dataset:
    """Estimate each bar's true (not reported) liquidations.

    Parameters
    ----------
    fit : xarray.DataTree
    kind : {"realised", "expected"}
        ``expected`` is what the levels of the map expect. ``realised`` adds the lumpiness around
        it, informed by the bar's report where there is one, and, with a feed, what is liquidated
        where the map has no level.
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.Dataset
        ``quantity`` in the contract's unit and ``quote`` at the bar's mean price, both
        (chain, draw, side, time); NaN where nothing is modelled: in bars outside every segment
        and in the first of each, whose book is where the model starts from. ``bridged`` (time)
        marks bars whose open interest was interpolated.
    """
    context = open_fit(fit, group, kind)
    data = context.evaluator.data
    shape = (*context.shape, 2, data.n_bars)
    quantity = np.zeros(shape, np.float32)
    rng = context.rng(3)
    for draw in context.draws():
        quantity[draw.index] = bar_liquidations(context, draw, rng)
    quantity[..., data.start != 0] = np.nan
    quantity = quantity[..., data.n_history :]
    quote = quantity * bar_to_quote(context)[data.n_history :].astype(np.float32)
    dims = ("chain", "draw", "side", "time")
    return xr.Dataset(
        {
            "quantity": (dims, quantity, {"units": context.contract.quantity_unit}),
            "quote": (dims, quote, {"units": context.contract.quote_unit}),
        },
        coords={
            **context.coords(),
            "time": np.asarray(context.panel.time),
            "bridged": ("time", data.bridged[data.n_history :]),
        },
        attrs=context.attrs(),
    )


def liquidation_delta(
    fit: xr.DataTree,
    *,
    windows: Sequence[str] = WINDOWS,
    standing: bool = False,
    moves: Sequence[float] = MOVES,
    kind: str = "realised",
    group: str = "posterior",
) -> xr.Dataset:
    """Long minus short: liquidations over windows that end at the last bar, and standing levels.

    Parameters
    ----------
    fit : xarray.DataTree
    windows : sequence of str
        Durations such as ``"1h"`` or ``"7d"``.
    standing : bool
        Whether to add ΔL of what is open at the last bar: what a fall would liquidate of the
        longs minus what an equal rise would liquidate of the shorts. `at_risk_amounts` has the
        sides.
    moves : sequence of float
        Adverse moves of the standing ΔL, as for `at_risk`.
    kind : {"realised", "expected"}
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.Dataset
        ``long``, ``short``, ``delta`` in quote and ``long_quantity``, ``short_quantity``,
        ``delta_quantity`` in the contract's unit, (chain, draw, window); NaN where the window is
        no whole number of bars or holds a bar that has no liquidations in
        `realised_liquidations`. With ``standing`` also ``standing_delta`` in quote at the last
        price and ``standing_delta_quantity``, (chain, draw, move). Positive: more longs.

    Raises
    ------
    InputError
        If a window is no duration, or the moves do not ascend within (0, 1).
    """
    context = open_fit(fit, group, kind)
    lengths = [np.timedelta64(duration_seconds(w), "s") for w in windows]
    firsts = [first_bar(context, w) for w in windows]
    added: dict[str, Any] = {}
    if standing:
        amounts = at_risk_amounts(fit, moves=moves, kind=kind, group=group)
        added["standing_delta"] = amounts["delta_quote"]
        added["standing_delta_quantity"] = amounts["delta_quantity"]
    flows = realised_liquidations(fit, kind=kind, group=group)
    history = context.evaluator.data.n_history
    dims = ("chain", "draw", "window")
    variables: dict[str, Any] = {}
    for amount, suffix in (("quote", ""), ("quantity", "_quantity")):
        bars = flows[amount].transpose("side", "chain", "draw", "time").to_numpy()
        sums = np.full((2, *context.shape, len(firsts)), np.nan)
        for i, first in enumerate(firsts):
            if first is not None:
                within = bars[..., first - history : context.last + 1 - history]
                sums[..., i] = within.astype(float).sum(-1)
        long, short = sums
        for name, value in (("long", long), ("short", short), ("delta", long - short)):
            variables[name + suffix] = (dims, value, {"units": flows[amount].attrs["units"]})
    coords = {k: v for k, v in context.coords().items() if k != "side"}
    starts = [context.as_of - length for length in lengths]
    return xr.Dataset(
        variables,
        coords={
            **coords,
            "window": list(windows),
            "start": ("window", np.array(starts, "datetime64[ns]")),
            "end": ("window", np.array([context.as_of] * len(starts), "datetime64[ns]")),
        },
        attrs={**context.attrs(), "convention": DELTA_CONVENTION},
    ).assign(added)


def bar_liquidations(context: Context, draw: Draw, rng: np.random.Generator) -> FloatArray:
    """One draw's liquidations of longs and shorts in the panel's unit, shape (2, time).

    Where the bar has a report they are drawn given it (`unreported.given_reports`), and are not
    less than what was reported of them. Elsewhere the factor between what is realised and its
    mean, the levels' and what lies beyond them, has mean one and variance ``1 / h``, with ``h``
    effective positions behind the bar.
    """
    data = context.evaluator.data
    expected = context.evaluator.expected_common(draw.p, draw.runs)
    if context.kind == "expected":
        return expected
    before = data.common_before()
    positions = [context.evaluator.value(draw.p, "liquidated_positions", s) for s in SIDES]
    mean = expected + beyond_map(context.evaluator, draw.p)
    lumps = np.maximum(np.array(positions)[:, None] * mean / before, 1e-12)
    variance = np.log1p(1.0 / lumps)
    factor = np.exp(rng.normal(-0.5 * variance, np.sqrt(variance)))
    out = np.asarray(np.minimum(mean * factor, before))
    if data.feeds and context.group == "posterior":
        known, given = given_reports(context.evaluator, draw.p, expected, rng)
        out = np.where(known, given, out)
    return out


def bar_to_quote(context: Context) -> FloatArray:
    """Factor from the panel's quantity unit to quote at each bar's mean price."""
    path = context.evaluator.data.path
    if context.contract.kind != "linear":
        return np.ones(path.n_bars)
    return np.asarray(np.mean([path.open, path.high, path.low, path.close], axis=0))
