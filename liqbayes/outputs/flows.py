"""Liquidations per bar, and long minus short over windows."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.model.data import SIDES
from liqbayes.outputs.context import Context, Draw, open_fit

FloatArray = NDArray[np.float64]
WINDOWS = ("1h", "4h", "12h", "1D", "3D", "7D", "30D")
DELTA_CONVENTION = "positive = more longs liquidated than shorts"


def realised_liquidations(
    fit: xr.DataTree, *, kind: str = "realised", group: str = "posterior"
) -> xr.Dataset:
    """Estimate each bar's true (not reported) liquidations.

    Parameters
    ----------
    fit : xarray.DataTree
    kind : {"realised", "expected"}
        ``realised`` adds the lumpiness around the expected value, informed by the bar's report
        where there is one.
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.Dataset
        ``quantity`` in the contract's unit and ``quote`` at the bar's mean price, both
        (chain, draw, side, time); NaN in bars outside every segment. ``bridged`` (time) marks
        bars whose open interest was interpolated.
    """
    context = open_fit(fit, group, kind)
    data = context.evaluator.data
    shape = (*context.shape, 2, data.n_bars)
    quantity = np.zeros(shape, np.float32)
    rng = context.rng(3)
    for draw in context.draws():
        quantity[draw.index] = bar_liquidations(context, draw, rng)
    quantity[..., data.start < 0] = np.nan
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
    kind: str = "realised",
    group: str = "posterior",
) -> xr.Dataset:
    """Long and short liquidations and their difference over windows that end at the last bar.

    Parameters
    ----------
    fit : xarray.DataTree
    windows : sequence of str
        Durations such as ``"1h"`` or ``"7D"``.
    kind : {"realised", "expected"}
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.Dataset
        ``long``, ``short``, ``delta`` in quote and ``long_quantity``, ``short_quantity``,
        ``delta_quantity`` in the contract's unit, (chain, draw, window); NaN where the panel is
        shorter than the window or the window is shorter than a bar. Positive delta: more longs
        were liquidated.

    Raises
    ------
    InputError
        If a window is no duration.
    """
    lengths = [duration_seconds(w) for w in windows]
    flows = realised_liquidations(fit, kind=kind, group=group)
    context = open_fit(fit, group, kind)
    last = context.last - context.evaluator.data.n_history
    step = context.panel.bar_seconds
    out: dict[str, list[FloatArray]] = {}
    starts, ends = [], []
    for seconds in lengths:
        n = seconds // step if seconds % step == 0 else 0
        first = last + 1 - n
        covered = n >= 1 and first >= 0
        for unit, suffix in (("quote", ""), ("quantity", "_quantity")):
            values = flows[unit].transpose("side", "chain", "draw", "time").to_numpy()
            for j, side in enumerate(SIDES):
                total = (
                    values[j, :, :, first : last + 1].astype(float).sum(-1)
                    if covered
                    else np.full(context.shape, np.nan)
                )
                out.setdefault(side + suffix, []).append(total)
        ends.append(context.as_of)
        starts.append(context.as_of - np.timedelta64(seconds, "s"))
    data = {k: np.stack(v, axis=-1) for k, v in out.items()}
    dims = ("chain", "draw", "window")
    units = {"": context.contract.quote_unit, "_quantity": context.contract.quantity_unit}
    variables: dict[str, Any] = {}
    for suffix, unit in units.items():
        long, short = data["long" + suffix], data["short" + suffix]
        variables |= {
            "long" + suffix: (dims, long, {"units": unit}),
            "short" + suffix: (dims, short, {"units": unit}),
            "delta" + suffix: (dims, long - short, {"units": unit}),
        }
    coords = {k: v for k, v in context.coords().items() if k != "side"}
    return xr.Dataset(
        variables,
        coords={
            **coords,
            "window": list(windows),
            "start": ("window", np.array(starts, "datetime64[ns]")),
            "end": ("window", np.array(ends, "datetime64[ns]")),
        },
        attrs={**context.attrs(), "convention": DELTA_CONVENTION},
    )


def bar_liquidations(context: Context, draw: Draw, rng: np.random.Generator) -> FloatArray:
    """One draw's liquidations of longs and shorts in the panel's unit, shape (2, time).

    The factor between realised and expected liquidation has mean one and variance ``1 / h`` with
    ``h`` effective positions behind the bar; a positive report updates its logarithm as in a
    normal model with the report's error, a report of zero makes it Gamma(h) / (h + n) with ``n``
    expected reported orders (Poisson-gamma conjugacy), no report leaves it as it is.
    """
    data = context.evaluator.data
    expected = context.evaluator.expected_common(draw.p, draw.runs)
    if context.kind == "expected":
        return expected
    before = data.common_before()
    positions = [context.evaluator.value(draw.p, "liquidated_positions", s) for s in SIDES]
    lumps = np.maximum(np.array(positions)[:, None] * expected / before, 1e-12)
    variance = np.log1p(1.0 / lumps)
    mean = -0.5 * variance
    left = variance
    zero = np.zeros(expected.shape, bool)
    orders = np.zeros(expected.shape)
    if data.feeds and context.group == "posterior":
        location, scale, log_zero = context.evaluator.report_moments(draw.p, expected)
        known = np.zeros(expected.shape, bool)
        for j, side in enumerate(SIDES):
            known[j, data.feeds[side].bars] = True
        share = np.stack([data.feeds[side].reported for side in SIDES]) / before
        some = known & (share > 0)
        residual = np.log(np.where(some, share, 1.0)) - location
        weight = np.minimum(variance / scale**2, 1.0)
        mean = mean + np.where(some, weight * residual, 0.0)
        left = np.where(some, (1.0 - weight) * variance, variance)
        zero = known & ~some
        orders = lumps * np.expm1(np.minimum(-log_zero / lumps, 50.0))
    factor = np.exp(rng.normal(mean, np.sqrt(left)))
    factor = np.where(zero, rng.standard_gamma(lumps) / (lumps + orders), factor)
    return np.asarray(np.minimum(expected * factor, before))


def bar_to_quote(context: Context) -> FloatArray:
    """Factor from the panel's quantity unit to quote at each bar's mean price."""
    path = context.evaluator.data.path
    if context.contract.kind != "linear":
        return np.ones(path.n_bars)
    return np.asarray(np.mean([path.open, path.high, path.low, path.close], axis=0))


def duration_seconds(window: str) -> int:
    """Length of a duration such as ``"4h"`` or ``"7D"``; days also as ``"7d"``.

    Raises
    ------
    InputError
        If it is no duration, or not longer than zero.
    """
    try:
        # pandas deprecates the lower-case day
        seconds = pd.Timedelta(re.sub(r"d$", "D", window)).total_seconds()
    except (ValueError, TypeError):
        seconds = float("nan")
    if np.isnan(seconds):
        raise InputError(f"window {window!r} is no duration; write such as '4h' or '7D'.")
    if seconds <= 0:
        raise InputError(f"window {window!r} must be longer than zero.")
    return int(seconds)
