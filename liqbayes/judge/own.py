"""Maps of a fit: what each bar sweeps of each posterior draw's, and the map as levels."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.engine.recursion import TOUCHED
from liqbayes.errors import InputError
from liqbayes.judge.sweeps import Sweeps
from liqbayes.model.data import prepare
from liqbayes.model.rule import evaluator_of
from liqbayes.outputs import thin
from liqbayes.outputs.context import Context, is_rule, open_fit
from liqbayes.outputs.grid import PriceGrid
from liqbayes.outputs.heatmap import Walkers, blocks
from liqbayes.panel import MarketPanel
from liqbayes.peers import LevelMap
from liqbayes.sampling.continued import continued
from liqbayes.sampling.fit import panel_of

FloatArray = NDArray[np.float64]
# Levels of an exported map reach so far beyond the prices of the panel, log price.
MARGIN = 0.25


@dataclass(frozen=True)
class FitHeld:
    """What each bar sweeps of a fit's maps, over the open interest before it.

    Attributes
    ----------
    mean : ndarray, shape (side, time)
        Of the mean map over draws; NaN where there is no map.
    draws : ndarray, shape (draw, side, time)
        Of each draw's; a rule has one, equal to the mean.
    fitted_until : datetime64
        End of the last bar that the parameters were fitted to; NaT for a rule, which has none.
    """

    mean: FloatArray
    draws: FloatArray
    fitted_until: np.datetime64


def context_of(fit: xr.DataTree, panel: MarketPanel | None, draws: int) -> Context:
    """Open a fit over its own panel, or over a longer one of the same market.

    Parameters
    ----------
    fit : xarray.DataTree
    panel : MarketPanel, optional
        Begins with the bars of the fit; the state is followed through all of it with the fit's
        parameters and scales, so that later bars are out of sample. Steps of a random walk that
        the fit did not reach come from their prior.
    draws : int
        About how many draws to keep.

    Raises
    ------
    InputError
        If the panel is of another market or does not begin with the bars of the fit.
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
    seen = own.n_bars + (0 if history is None else history.n_bars)
    evaluator = evaluator_of(spec, prepare(spec, panel, history, seen=seen))
    z = context.z
    if not is_rule(fit):
        kept = thin(fit, draws)["posterior"].to_dataset()["z"]
        z = continued(kept, evaluator, context.seed).to_numpy()
    return Context(panel, evaluator, z, context.seed, context.group, context.kind)


def fitted_until(fit: xr.DataTree) -> np.datetime64:
    """End of the last bar that parameters were fitted to; NaT for a rule."""
    if is_rule(fit):
        return np.datetime64("NaT", "ns")
    own, _ = panel_of(fit)
    step = np.timedelta64(own.bar_seconds, "s")
    return np.datetime64(np.asarray(own.time)[-1] + step, "ns")


def fit_held(
    fit: xr.DataTree, sweeps: Sweeps, *, panel: MarketPanel | None = None, draws: int = 50
) -> FitHeld:
    """What each bar sweeps of each draw's map before the bar, straight from the recursion.

    The expected map given the draw's parameters, without the lumpiness of a real book, whose place
    nobody knows.

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
    rows = [
        np.stack(
            [
                np.sum(
                    [
                        draw.runs[leg.name, side].by_class[TOUCHED].sum(axis=0) * leg.to_common
                        for leg in data.legs
                    ],
                    axis=0,
                )
                for side in SIDES
            ]
        )
        for draw in context.draws()
    ]
    held = np.stack(rows)
    # in a segment's first bar there is no map yet, between segments none at all
    held[:, :, data.start != 0] = np.nan
    held = held[:, :, data.n_history :] / sweeps.interest
    return FitHeld(held.mean(axis=0), held, fitted_until(fit))


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
