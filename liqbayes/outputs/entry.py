"""Entry prices of the living open interest (cost basis)."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.conventions import BINS, PRICE_RANGE
from liqbayes.engine.path import book_nodes
from liqbayes.engine.recursion import LOG_KEPT, TOUCHED
from liqbayes.model.data import SIDES, Leg
from liqbayes.outputs.context import Context, Draw, open_fit
from liqbayes.outputs.grid import PriceGrid
from liqbayes.outputs.levels import standing_of

FloatArray = NDArray[np.float64]


def entry_price_distribution(
    fit: xr.DataTree,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    group: str = "posterior",
) -> xr.Dataset:
    """Distribution of entry prices of what is open at the last bar.

    Every exit, forced or not, takes open interest in proportion to what is there (the turnover
    weights of Grinblatt and Han 2005, doi 10.1016/j.jfineco.2004.10.006, with inferred openings
    in the place of volume); renewal moves levels, not entries. A rule knows which openings its
    touches took and takes those. The book before the first bar
    has entries along a Brownian path of unknown prices: their common level differs from draw to
    draw, their spread around it does not.

    Parameters
    ----------
    fit : xarray.DataTree
    bins, price_range
        Log-spaced grid around the last price.
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.Dataset
        ``share`` (chain, draw, side, price), ``below``, ``above``, ``prior_book`` (share that was
        open before the first bar, 0 for a rule, whose book starts empty) and ``vwap`` (average
        entry price: quote over base coin), each (chain, draw, side). NaN on a side on which a
        rule's book is empty.
    """
    context = open_fit(fit, group, "expected")
    grid = PriceGrid.around(context.mark_price, bins, price_range)
    placed = _entry_matrix(context, grid)
    prior_book = _PriorEntries.of(context, grid)
    rng = context.rng(5)
    shape = (*context.shape, 2)
    share = np.zeros((*shape, bins))
    rest = {name: np.zeros(shape) for name in ("below", "above", "prior_book", "vwap")}
    for draw in context.draws():
        placed[0][0], placed[1][0] = prior_book.draw(rng)
        for j, side in enumerate(SIDES):
            weight = np.zeros(placed[0].shape[0])
            paid, held = 0.0, 0.0
            for leg in context.evaluator.data.legs:
                living = living_by_entry(context, draw, leg, side)
                weight += living * leg.at_close[context.last]
                quote, base = _paid_and_held(living, placed[1], leg.kind)
                paid, held = paid + quote, held + base
            if not weight.sum() > 0:
                # a rule's side can be empty, and shares of nothing are unknown
                share[(*draw.index, j)] = np.nan
                for value in rest.values():
                    value[(*draw.index, j)] = np.nan
                continue
            weight /= weight.sum()
            columns = weight @ placed[0]
            at = (*draw.index, j)
            share[at] = columns[1:-1]
            rest["below"][at], rest["above"][at] = columns[0], columns[-1]
            rest["prior_book"][at] = weight[0]
            rest["vwap"][at] = paid / held
    dims = ("chain", "draw", "side")
    return xr.Dataset(
        {
            "share": ((*dims, "price"), share, {"units": "share of the side's open interest"}),
            **{name: (dims, value) for name, value in rest.items()},
        },
        coords={
            **context.coords(),
            "price": grid.middle,
            "price_low": ("price", grid.low),
            "price_high": ("price", grid.high),
        },
        attrs=context.attrs(),
    )


def _paid_and_held(quantity: FloatArray, price: FloatArray, kind: str) -> tuple[float, float]:
    """Quote paid and base held: a linear leg counts coins, an inverse one what they cost."""
    if kind == "linear":
        return float(quantity @ price), float(quantity.sum())
    return float(quantity.sum()), float((quantity / price).sum())


def living_by_entry(context: Context, draw: Draw, leg: Leg, side: str) -> FloatArray:
    """Living quantity by opening bar of the last segment; the first entry is the prior book."""
    data = context.evaluator.data
    if context.evaluator.spec.rule is not None:
        return _untouched(context, draw, leg, side)
    first = data.path.segments[-1][0]
    bars = slice(first, context.last + 1)
    run = draw.runs[leg.name, side]
    living = run.living[bars].sum(axis=2)
    touched = run.by_class[TOUCHED][:, bars].T
    closed = context.evaluator.value(draw.p, "touch_to_close_share")
    renewed = context.evaluator.value(draw.p, "renewal_hazard_per_day") * data.bar_hours / 24.0
    # log survival counts mass that got a new level as gone; its entry price is the old one
    stay = np.exp(np.diff(run.by_class[LOG_KEPT][:, bars].T, axis=0) + renewed)
    survivors = stay * (living[:-1] - closed * touched[1:])
    net = np.concatenate([living[:1], living[1:] - survivors])
    share = survivors / np.where(living[:-1] > 0, living[:-1], 1.0)
    after = np.concatenate([np.cumprod(share[::-1], axis=0)[::-1], np.ones((1, share.shape[1]))])
    return np.asarray((net * after).sum(axis=1))


def _untouched(context: Context, draw: Draw, leg: Leg, side: str) -> FloatArray:
    """What a rule's book holds of each opening bar, exactly: levels are never renewed."""
    run = draw.runs[leg.name, side]
    # with two columns around the last price the grid does not matter, only what is untouched
    matrix = standing_of(context, leg, side, np.log(context.mark_price) + np.array([-1.0, 1.0]))
    reached = np.append(0.0, np.cumsum(matrix.share))
    by_row = np.diff(reached[matrix.pointer]).reshape(-1, run.placed.shape[2])
    bars = slice(matrix.first, context.last + 1)
    log_kept = run.by_class[LOG_KEPT, 0]
    kept = np.exp(log_kept[context.last] - log_kept[bars])
    return np.asarray((run.placed[bars, 0] * by_row).sum(axis=1) * kept)


def _entry_matrix(context: Context, grid: PriceGrid) -> tuple[FloatArray, FloatArray]:
    """Share of each opening bar's entries in each column, and its mean entry price.

    The first row, of the book before the segment, is left empty.
    """
    path = context.evaluator.data.path
    first = path.segments[-1][0]
    n = context.last + 1 - first
    columns = np.zeros((n, grid.edges.size + 1))
    mean = np.zeros(n)
    for i in range(1, n):
        t = first + i
        low, high = path.low[t], path.high[t]
        mean[i] = (path.open[t] + high + low + path.close[t]) / 4.0
        points = np.linspace(low, high, 9)
        np.add.at(columns[i], np.searchsorted(grid.edges, points), 1.0 / points.size)
    return columns, mean


@dataclass(frozen=True)
class _PriorEntries:
    """Entry prices of the book before the segment.

    The log price is a Brownian path with variance ``s^2`` a bar, so entries have variance
    ``s^2 E[age]`` around the first close in all. Their mean, ``int B(a) f(a) da`` with ``f`` the
    density of ages, has ``s^2 int S(a)^2 da`` of it with ``S`` their survival function: half, if
    ages are exponential.
    """

    log_close: float
    offset: FloatArray
    level_scale: float
    log_edges: FloatArray

    @classmethod
    def of(cls, context: Context, grid: PriceGrid) -> "_PriorEntries":
        path = context.evaluator.data.path
        start = path.segments[-1][0]
        sigma = float(context.evaluator.data.book_volatility[-1])
        offset, _ = book_nodes(context.book(), sigma)
        age, shared = context.book().ages()
        return cls(
            log_close=float(np.log(path.close[start])),
            offset=offset * np.sqrt(1.0 - shared / age),
            level_scale=sigma * float(np.sqrt(shared)),
            log_edges=np.log(grid.edges),
        )

    def draw(self, rng: np.random.Generator) -> tuple[FloatArray, float]:
        """Share of entries in each column, and their mean, for one path."""
        entries = self.log_close + self.level_scale * rng.standard_normal() + self.offset
        columns = np.zeros(self.log_edges.size + 1)
        np.add.at(columns, np.searchsorted(self.log_edges, entries), 1.0 / entries.size)
        return columns, float(np.exp(entries).mean())
