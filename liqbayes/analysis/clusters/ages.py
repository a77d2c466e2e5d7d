"""How old the levels of a cluster are."""

import numpy as np
import xarray as xr

from liqbayes.analysis.book import BookAt, living_cells
from liqbayes.model.data import SIDES
from liqbayes.outputs.context import Context

#: Ages up to which shares are given, in hours.
AGES = (24.0, 168.0)


def cluster_ages(context: Context, clusters: xr.Dataset) -> xr.Dataset:
    """Time since the levels between a cluster's limits were set, in each draw.

    A level is set when its position is opened, and again when it is moved to a new distance from
    the price (margin added or taken, a touched level that survived). What the book held before the
    first modelled bar is of unknown age and counts as older than all of it. Ages are those of the
    expected book: lumps have none of their own.

    Parameters
    ----------
    context : Context
        Of the fit whose levels the clusters were found in, with the same draws.
    clusters : Dataset
        As `find_clusters` returns it.

    Returns
    -------
    Dataset
        ``age`` (chain, draw, cluster): median age in hours by quantity, NaN where half is older
        than the model; ``younger`` (..., hours): share set within so many hours; ``before``: share
        set before the first modelled bar. NaN where nothing stands in the draw.
    """
    data = context.evaluator.data
    first = data.path.segments[-1][0]
    n = context.last + 1 - first
    n_clusters = clusters.sizes["cluster"]
    by_cohort = np.zeros((*context.shape, n_clusters, n))
    limits = np.log([clusters["price_low"].to_numpy(), clusters["price_high"].to_numpy()])
    weights = {}
    for c in range(n_clusters):
        side = str(clusters["side"].to_numpy()[c])
        edges = limits[:, c] if side == "long" else -limits[::-1, c]
        weights[c] = side, BookAt.of(context, side, context.last, edges).cohorts()
    for draw in context.draws() if n_clusters else ():
        left = {
            (leg.name, side): living_cells(draw.runs[leg.name, side], first, context.last)
            for leg in data.legs
            for side in SIDES
        }
        for c, (side, parts) in weights.items():
            for leg, share in parts:
                mass = (share[0] * left[leg.name, side]).sum(axis=1)
                by_cohort[(*draw.index, c)] += mass * leg.at_close[context.last]
    # youngest first; the last one is the book before the segment
    held = np.cumsum(by_cohort[..., ::-1], axis=-1)
    with np.errstate(invalid="ignore"):
        held /= held[..., -1:]
    hours = (np.arange(n) + 0.5) * data.bar_hours
    half = np.argmax(held >= 0.5, axis=-1)
    known = (half < n - 1) & np.isfinite(held[..., -1])
    bars = [min(round(h / data.bar_hours), n - 1) for h in AGES]
    # a bar that is longer than the age has some of both
    younger = np.stack(
        [held[..., b - 1] if b > 0 else np.full(held.shape[:-1], np.nan) for b in bars], axis=-1
    )
    dims = ("chain", "draw", "cluster")
    return xr.Dataset(
        {
            "age": (dims, np.where(known, hours[half], np.nan), {"units": "h"}),
            "younger": ((*dims, "hours"), younger),
            "before": (dims, 1.0 - held[..., -2] if n > 1 else np.full(held.shape[:-1], np.nan)),
        },
        coords={
            "chain": clusters["chain"],
            "draw": clusters["draw"],
            "cluster": clusters["cluster"],
            "hours": list(AGES),
        },
    )
