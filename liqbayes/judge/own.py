"""Maps of a fit: what each posterior draw held in each distance cell before each bar."""

import json
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.judge.cells import CellMap
from liqbayes.judge.sweeps import Sweeps
from liqbayes.model.data import prepare
from liqbayes.model.rule import evaluator_of
from liqbayes.outputs import thin
from liqbayes.outputs.context import Context, open_fit
from liqbayes.outputs.grid import PriceGrid
from liqbayes.outputs.heatmap import Walkers, blocks
from liqbayes.panel import MarketPanel
from liqbayes.peers import LevelMap
from liqbayes.sampling.fit import panel_of

FloatArray = NDArray[np.float64]
# Price bins are this share of a distance cell, unless there were too many of them.
BIN_SHARE = 0.5
MOST_BINS = 4000
# Levels of an exported map reach so far beyond the prices of the panel, log price.
MARGIN = 0.25


@dataclass(frozen=True)
class FitMaps:
    """A fit's maps.

    Attributes
    ----------
    mean : CellMap
        Mean over draws.
    draws : tuple of CellMap
        One a draw, in single precision; a rule has one, equal to the mean.
    fitted_until : datetime64
        End of the last bar that the parameters were fitted to; NaT for a rule, which has none.
    """

    mean: CellMap
    draws: tuple[CellMap, ...]
    fitted_until: np.datetime64


def context_of(fit: xr.DataTree, panel: MarketPanel | None, draws: int) -> Context:
    """Open a fit over its own panel, or over a longer one of the same market.

    Parameters
    ----------
    fit : xarray.DataTree
    panel : MarketPanel, optional
        Begins with the bars of the fit; the state is followed through all of it with the fit's
        parameters, so that later bars are out of sample.
    draws : int
        About how many draws to keep.

    Raises
    ------
    InputError
        If the panel is of another market or does not begin with the bars of the fit, or the
        model's parameters depend on how long the panel is.
    """
    context = open_fit(thin(fit, draws), "posterior", "expected")
    if panel is None or panel.content_hash == context.panel.content_hash:
        return context
    own, history = panel_of(fit)
    same = panel.contract == own.contract and panel.bar_seconds == own.bar_seconds
    if not same or panel.n_bars < own.n_bars or (panel.time[: own.n_bars] != own.time).any():
        raise InputError(
            "the panel must begin with the bars that the fit was made from, of the same contract "
            f"and bar length: the fit has {own!r}, given is {panel!r}."
        )
    for name in ("open", "high", "low", "close", "open_interest"):
        ours, theirs = (np.asarray(p.values(name))[: own.n_bars] for p in (panel, own))
        if not np.allclose(ours, theirs, rtol=1e-9, equal_nan=True):
            raise InputError(
                f"{name} of the panel differs from that of the fit over the fit's own bars; read "
                "both from the same source."
            )
    spec = context.evaluator.spec
    evaluator = evaluator_of(spec, prepare(spec, panel, history))
    if evaluator.layout.n != context.z.shape[2]:
        raise InputError(
            f"{spec.name} has parameters that depend on the length of the panel "
            f"({context.z.shape[2]} in the fit, {evaluator.layout.n} over the longer panel); "
            "judge it on the panel of the fit."
        )
    return Context(panel, evaluator, context.z, context.seed, context.group, context.kind)


def fitted_until(fit: xr.DataTree) -> np.datetime64:
    """End of the last bar that parameters were fitted to; NaT for a rule."""
    if "rule" in json.loads(fit.attrs["spec"]):
        return np.datetime64("NaT", "ns")
    own, _ = panel_of(fit)
    step = np.timedelta64(own.bar_seconds, "s")
    return np.datetime64(np.asarray(own.time)[-1] + step, "ns")


def fit_maps(
    fit: xr.DataTree, sweeps: Sweeps, *, panel: MarketPanel | None = None, draws: int = 50
) -> FitMaps:
    """What each draw of a fit held in each distance cell before each bar.

    The expected map given the draw's parameters, without the lumpiness of a real book, whose place
    nobody knows. Bars outside the last segment have no map.

    Parameters
    ----------
    fit : xarray.DataTree
    sweeps : Sweeps
        Of the same panel.
    panel : MarketPanel, optional
        A longer panel, see `context_of`.
    draws : int
        About how many posterior draws.
    """
    context = context_of(fit, panel, draws)
    data = context.evaluator.data
    first, last = data.path.segments[-1][0], context.last
    grid = _grid(sweeps)
    walkers = Walkers(context, grid, first)
    n_draws = len(walkers.tapes)
    shape = (n_draws, len(SIDES), sweeps.n_bars, sweeps.n_cells)
    out = np.full(shape, np.nan, np.float32)
    lowest, step = np.log(grid.edges[0]), np.log(grid.edges[1] / grid.edges[0])
    for begin, stop in blocks(first, last):
        held = walkers.block(begin, stop)
        # the map at the close of a bar is the one before the next
        after = np.arange(begin, stop) + 1 - data.n_history
        kept = (after > 0) & (after < sweeps.n_bars)
        total = np.cumsum(held[:, kept].astype(np.float64), axis=3)
        total = np.concatenate([np.zeros((*total.shape[:3], 1)), total], axis=3)
        for i, t in enumerate(after[kept]):
            price = np.log(sweeps.before[t])
            for j, sign in enumerate((-1.0, 1.0)):
                at = np.clip((price + sign * sweeps.edges - lowest) / step, 0, total.shape[3] - 1)
                low = np.minimum(at.astype(int), total.shape[3] - 2)
                of = total[:, i, j]
                reached = of[:, low] * (low + 1 - at) + of[:, low + 1] * (at - low)
                amount = np.maximum(sign * np.diff(reached, axis=1), 0.0)
                out[:, j, t] = amount / sweeps.interest[t]
    return FitMaps(
        CellMap(out.mean(axis=0, dtype=np.float64)),
        tuple(CellMap(each) for each in out),
        fitted_until(fit),
    )


def fit_level_map(
    fit: xr.DataTree,
    *,
    panel: MarketPanel | None = None,
    every: int = 1,
    bins: int = 400,
    draws: int = 50,
) -> LevelMap:
    """A fit's posterior mean map at bar closes, to be written as a CSV that any judge can read.

    Parameters
    ----------
    fit : xarray.DataTree
    panel : MarketPanel, optional
        A longer panel, see `context_of`.
    every : int
        Every so manieth bar, counted back from the last.
    bins : int
        Price bins, log-spaced over the prices of the panel and a margin of 25 % around them.
    draws : int

    Returns
    -------
    LevelMap
        In the panel's quantity unit; levels beyond the bins are left out.
    """
    if every < 1:
        raise InputError(f"every is {every}; use 1 or more.")
    context = context_of(fit, panel, draws)
    data = context.evaluator.data
    first, last = max(data.path.segments[-1][0], data.n_history), context.last
    low, high = np.nanmin(data.path.low), np.nanmax(data.path.high)
    grid = PriceGrid(np.geomspace(low * np.exp(-MARGIN), high * np.exp(MARGIN), bins + 1))
    shown = np.arange(last, first - 1, -every)[::-1]
    walkers = Walkers(context, grid, data.path.segments[-1][0])
    rows = []
    for begin, stop in blocks(data.path.segments[-1][0], last):
        held = walkers.block(begin, stop).mean(axis=0, dtype=np.float64)
        inside = shown[(shown >= begin) & (shown < stop)]
        rows.append(held[inside - begin])
    amount = np.concatenate(rows)
    snapshot, side, price = np.nonzero(amount > 0)
    step = np.timedelta64(context.panel.bar_seconds, "s")
    opened = np.asarray(context.panel.time)[shown - data.n_history]
    return LevelMap(
        time=(opened + step).astype("datetime64[ns]"),
        snapshot=snapshot,
        side=side,
        low=grid.low[price],
        high=grid.high[price],
        amount=amount[snapshot, side, price],
        notes=("mean over posterior draws",),
    )


def _grid(sweeps: Sweeps) -> PriceGrid:
    """Bins over every price that a sweep began or ended at."""
    price = np.log(sweeps.before)
    low = np.nanmin(price - np.nan_to_num(sweeps.reach[0])) - sweeps.width
    high = np.nanmax(price + np.nan_to_num(sweeps.reach[1])) + sweeps.width
    bins = int(np.ceil((high - low) / (BIN_SHARE * sweeps.width)))
    return PriceGrid(np.exp(np.linspace(low, high, min(max(bins, 2), MOST_BINS) + 1)))
