"""What price did after limit orders would have filled, near clusters and elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.errors_of_means import group_means
from liqbayes.analysis.volatility import Volatility
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.panel.blocks import MEAN_BLOCK_HOURS
from liqbayes.peers.bars import trigger_price

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
# A price is near a cluster if the book around it is among this share of the densest.
DENSEST = 0.25
# Half of the width of "around", in log price: the bandwidth of clusters.
AROUND = 0.01
GROUPS = ("near a cluster", "elsewhere")


@dataclass(frozen=True)
class Placed:
    """Orders placed at every bar of a panel, as far away in volatility as the one that is asked of.

    Attributes
    ----------
    price : ndarray, shape (bar,)
        Price of the order that is placed at the close of the bar.
    filled : ndarray of int64, shape (bar,)
        Bar in which it fills; −1 if it does not within the wait, −2 if that is not known.
    deviation : ndarray, shape (bar,)
        Conditional standard deviation of the bar after each.
    dense : ndarray, shape (bar,)
        Share of the side's standing levels within ``AROUND`` of the price at the close of the bar.
    """

    price: FloatArray
    filled: IntArray
    deviation: FloatArray
    dense: FloatArray


def after_fills(
    panel: MarketPanel,
    volatility: Volatility,
    heatmap: xr.Dataset,
    *,
    buy: bool,
    price: float,
    mark_price: float,
    wait: int,
    after: Mapping[str, int],
    fee: float,
) -> pd.DataFrame:
    """Compare returns after fills near clusters with fills at matched prices elsewhere.

    At the close of each bar of the panel a limit order is placed, as many conditional standard
    deviations of the next bar away as the order asked about is now: all prices are matched in
    distance, and volatility is matched within thirds. A buy order lies below the price, among the
    levels of longs, and fills if price gets there within ``wait`` bars. The quarter of the orders
    with most of the book around their price when they were placed is near a cluster. The book of
    each bar follows from the bars up to it, but the parameters are those of the whole fit.

    Parameters
    ----------
    panel : MarketPanel
    volatility : Volatility
        Of the same panel.
    heatmap : Dataset
        As `liqbayes.liquidation_heatmap` returns it, with every bar.
    buy : bool
        A buy order, which gains when price rises after it; else a sell order.
    price, mark_price : float
        The order asked about, and the present price.
    wait : int
        Bars that an order stands.
    after : mapping of str to int
        Name to bars after the bar of the fill.
    fee : float
        Of both trades together, as a fraction of the value; NaN if not determined.

    Returns
    -------
    DataFrame
        ``group`` and ``after``; ``fills`` and ``filled`` (share of the orders placed); ``low``,
        ``median``, ``high`` (mean log return from the order's price to the close, in the order's
        favour and net of fees, with a 90 % interval); ``difference`` from the matched group
        elsewhere with ``difference_low`` and ``difference_high``. NaN where there are too few.

    Raises
    ------
    InputError
        If the order is not on its own side of the mark price, or the map has other bars.
    """
    side = "long" if buy else "short"
    sign = 1.0 if buy else -1.0
    away = sign * np.log(mark_price / price)
    if not away > 0:
        raise InputError(
            f"a {'buy' if buy else 'sell'} limit order at {price:g} fills at once: the price is "
            f"{mark_price:g}."
        )
    placed = _place(panel, volatility, heatmap, side, away / volatility.next_deviation, wait)
    close = trigger_price(panel, "close")
    known = np.isfinite(placed.dense) & (placed.filled != -2)
    dense = _densest(placed, known)
    groups = (dense & known, ~dense & known)
    rows = []
    for name, bars in after.items():
        at = placed.filled + bars
        inside = (placed.filled >= 0) & (at < close.size)
        gross = np.full(close.size, np.nan)
        gross[inside] = sign * np.log(close[at[inside]] / placed.price[np.flatnonzero(inside)])
        values = gross - fee
        length = round(max(wait + bars, MEAN_BLOCK_HOURS / volatility.bar_hours))
        means, errors, apart = group_means(values, groups, length)
        for i, group in enumerate(GROUPS):
            own = groups[i]
            gap = means[i] - means[-1] if i == 0 else np.nan
            rows.append(
                (
                    group,
                    name,
                    # a fill is one whether its fee is known or not
                    int((np.isfinite(gross) & own).sum()),
                    float((placed.filled[own] >= 0).mean()) if own.any() else np.nan,
                    means[i] - errors[i],
                    means[i],
                    means[i] + errors[i],
                    gap,
                    gap - apart[i],
                    gap + apart[i],
                )
            )
    columns = ["group", "after", "fills", "filled", "low", "median", "high"]
    ends = ["difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=[*columns, *ends])


def _place(
    panel: MarketPanel,
    volatility: Volatility,
    heatmap: xr.Dataset,
    side: str,
    deviations: float,
    wait: int,
) -> Placed:
    close, low, high = (trigger_price(panel, name) for name in ("close", "low", "high"))
    n = close.size
    sign = 1.0 if side == "long" else -1.0
    ahead = _deviation_ahead(panel, volatility)
    price = close * np.exp(-sign * deviations * ahead)
    filled = np.full(n, -2, np.int64)
    worst, level = (low, price) if side == "long" else (-high, -price)
    for t in range(n - wait):
        future = worst[t + 1 : t + 1 + wait]
        if np.isfinite(price[t]) and np.isfinite(future).all():
            hit = future <= level[t]
            filled[t] = t + 1 + int(hit.argmax()) if hit.any() else -1
    return Placed(price, filled, ahead, _density(heatmap, side, price, panel))


def _densest(placed: Placed, known: BoolArray) -> BoolArray:
    """Densest quarter of the prices within each third of the volatility."""
    out = np.zeros(known.size, bool)
    rows = np.flatnonzero(known)
    for part in np.array_split(rows[np.argsort(placed.deviation[rows], kind="stable")], 3):
        if part.size:
            limit = np.quantile(placed.dense[part], 1 - DENSEST)
            # a book that is flat but for rounding has no densest part
            out[part] = placed.dense[part] > limit * (1 + 1e-9)
    return out


def _deviation_ahead(panel: MarketPanel, volatility: Volatility) -> FloatArray:
    """Conditional standard deviation of the bar after each; NaN where that is not modelled."""
    prices = [trigger_price(panel, name) for name in ("high", "low", "close")]
    before = np.append(np.nan, prices[2][:-1])
    known = np.flatnonzero(np.isfinite(np.sum([*prices, before], axis=0)))
    own = np.full(prices[2].size + 1, np.nan)
    own[known] = np.asarray(volatility.result.conditional_volatility, float) * volatility.scale
    return own[1:]


def _density(heatmap: xr.Dataset, side: str, price: FloatArray, panel: MarketPanel) -> FloatArray:
    """Share of a side's levels within ``AROUND`` of a price in each bar; NaN outside the grid."""
    book = heatmap["mean"].sel(side=side).transpose("time", "price").to_numpy().astype(float)
    edges = np.log(np.append(heatmap["price_low"].to_numpy(), heatmap["price_high"].to_numpy()[-1]))
    at = np.searchsorted(np.asarray(panel.time), heatmap["time"].to_numpy())
    if not np.array_equal(np.asarray(panel.time)[at], heatmap["time"].to_numpy()):
        raise InputError("the map of levels has bars that the panel has not; make it of its fit.")
    out = np.full(price.size, np.nan)
    total = np.concatenate([np.zeros((book.shape[0], 1)), np.cumsum(book, axis=1)], axis=1)
    for row, t in enumerate(at):
        x = np.log(price[t])
        if edges[0] <= x - AROUND and x + AROUND <= edges[-1] and total[row, -1] > 0:
            ends = np.interp([x - AROUND, x + AROUND], edges, total[row])
            out[t] = (ends[1] - ends[0]) / total[row, -1]
    return out
