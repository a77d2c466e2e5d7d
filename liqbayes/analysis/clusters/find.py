"""Clusters: price ranges in which liquidation levels stand densest.

A cluster of a density is a connected part of a level set (Hartigan 1975, Clustering Algorithms,
ch. 11); the level is the one whose set holds a stated share of the mass, the highest density region
(Hyndman 1996, doi 10.1080/00031305.1996.10474359). Every draw has a set of its own. What they have
in common is their Vorob'ev expectation: the prices that most draws cover, as many of them as a draw
covers on average (Molchanov 2005, doi 10.1007/1-84628-150-4, ch. 2 section 2.2).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.clusters.grid import Cluster, Grid
from liqbayes.analysis.clusters.sets import common, disagreement, runs
from liqbayes.conventions import MOVES, has_interval
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

#: Scale on which levels are smoothed, in log price: closer ones are one cluster.
BANDWIDTH = 0.01
#: Share of a side's notional within reach that its densest prices hold.
SHARE = 0.25
#: Adverse move up to which clusters are looked for.
WITHIN = max(MOVES)
#: Reach and scale of the second search, near the price.
NEAR, NEAR_BANDWIDTH = 0.05, 0.005
# A draw's range and a common one are the same cluster if they share this much of the shorter.
_OVERLAP = 0.5


def settings(levels: xr.Dataset, within: float, bandwidth: float) -> dict[str, Any]:
    """Scale and reach that a grid allows: its bins may be coarser, or end earlier."""
    low, high = float(levels["price_low"][0]), float(levels["price_high"][-1])
    mark = float(levels.attrs["mark_price"])
    step = float(np.log(levels["price_high"] / levels["price_low"]).mean())
    reach = min(within, 1.0 - low / mark, high / mark - 1.0)
    return {"within": reach, "bandwidth": max(bandwidth, step * 1.0001)}


def find_clusters(
    levels: xr.Dataset,
    *,
    top: int = 10,
    bandwidth: float = BANDWIDTH,
    share: float = SHARE,
    within: float = WITHIN,
    limit: int = 20,
) -> xr.Dataset:
    """Find contiguous price ranges in which levels stand densest, in every draw and in common.

    In each draw and on each side the notional by log price is smoothed with a Gaussian kernel, and
    the densest prices within reach that hold ``share`` of what is there make its ranges. The
    clusters are the Vorob'ev expectation of these sets over the draws, without gaps and pieces
    shorter than the bandwidth. A draw's range is matched to the cluster that holds most of it, if
    they share at least half of the shorter one.

    Parameters
    ----------
    levels : Dataset
        As `liqbayes.liquidation_levels` returns it; best of kind "realised", the book as it may
        be. "expected" shows what the parameters alone say.
    top : int
        A cluster is among the top of a draw if one of the draw's ``top`` largest ranges, over both
        sides, is matched to it.
    bandwidth : float
        Standard deviation of the kernel in log price.
    share : float
        Share of the notional that the densest prices hold.
    within : float
        Adverse move from the last price up to which levels count.
    limit : int
        Most clusters to return.

    Returns
    -------
    Dataset
        Over (chain, draw, cluster), largest mean notional first: ``quantity`` and ``quote`` that
        the draw has within the cluster's limits, ``in_top`` (bool), ``found`` (bool: the draw has a
        range there), ``rank`` of the largest such range among all of the draw (1: the largest of
        all; NaN: it has none there) and the limits of it, ``found_low`` and ``found_high``.
        Coordinates on cluster: ``side``, ``price_low``, ``price_high``, ``price`` (centre of the
        mean notional), ``distance`` (of the centre, as a fraction of the mark price, positive) and
        ``cut`` (bool: it ends where reach ends, so that what is dense may go on beyond).
        Variable ``stability`` (side): expected size of what a draw's set and the common one do not
        share, over that of both together (0: all draws agree, 1: they have nothing in common); NaN
        of a single draw. The dim cluster is empty where no level stands within reach.

    Raises
    ------
    InputError
        On a setting out of range, a grid that ends within reach or is coarser than the bandwidth,
        or levels that are unknown.
    """
    if top < 1 or limit < 1:
        raise InputError(f"top is {top} and limit {limit}; use 1 or more.")
    book = _Book.of(levels, bandwidth, within, share)
    several = has_interval(levels.sizes)
    found = [
        Cluster(j, a, b, float(book.quote[:, j, a:b].sum(axis=1).mean()))
        for j in range(len(book.sides))
        for a, b in common(book.dense[:, j], book.grid.smallest if several else 1)
    ]
    found = sorted(found, key=lambda c: -c.quote)[:limit]
    apart = [disagreement(book.dense[:, j]) if several else np.nan for j in range(len(book.sides))]
    grid = book.grid
    centre = np.array([_centre(book.quote[:, c.side, c.start : c.stop], grid, c) for c in found])
    return (
        _per_draw(book, found, top)
        .assign(stability=("of_side", apart))
        .assign_coords(
            of_side=list(book.sides),
            side=("cluster", np.array([book.sides[c.side] for c in found], dtype=object)),
            price_low=("cluster", grid.low[[c.start for c in found]]),
            price_high=("cluster", grid.high[[c.stop - 1 for c in found]]),
            price=("cluster", centre),
            distance=("cluster", np.abs(centre / grid.mark - 1.0)),
            cut=("cluster", np.array([grid.cut(book.sides[c.side], c) for c in found], bool)),
        )
    )


def match_clusters(clusters: xr.Dataset, levels: xr.Dataset) -> xr.Dataset:
    """Look the clusters of one posterior up in another book, such as a known one.

    Parameters
    ----------
    clusters : Dataset
        As `find_clusters` returns it.
    levels : Dataset
        Levels of another book on the same price grid.

    Returns
    -------
    Dataset
        ``quantity``, ``quote``, ``in_top``, ``found``, ``rank``, ``found_low`` and ``found_high``
        of the other book over (chain, draw, cluster), as `find_clusters` defines them, with its
        settings.

    Raises
    ------
    InputError
        If the grids differ.
    """
    settings = {name: float(clusters.attrs[name]) for name in ("bandwidth", "within", "share")}
    book = _Book.of(levels, **settings)
    start = np.searchsorted(book.grid.low, clusters["price_low"].to_numpy() * (1 + 1e-9)) - 1
    stop = np.searchsorted(book.grid.high, clusters["price_high"].to_numpy() * (1 - 1e-9)) + 1
    low, high = book.grid.low[start], book.grid.high[stop - 1]
    same = np.allclose(low, clusters["price_low"]) and np.allclose(high, clusters["price_high"])
    if not same:
        raise InputError("the clusters' limits are no bin limits of these levels; use one grid.")
    found = [
        Cluster(book.sides.index(side), int(a), int(b), 0.0)
        for side, a, b in zip(clusters["side"].to_numpy(), start, stop, strict=True)
    ]
    names = ("side", "price_low", "price_high", "price", "distance", "cut")
    return _per_draw(book, found, int(clusters.attrs["top"])).assign_coords(
        {name: clusters[name] for name in names}
    )


@dataclass(frozen=True)
class _Book:
    """Levels of many draws, with the densest prices of each: (draw, side, bin)."""

    levels: xr.Dataset
    grid: Grid
    sides: tuple[str, ...]
    share: float
    quote: FloatArray
    quantity: FloatArray
    dense: BoolArray

    @classmethod
    def of(cls, levels: xr.Dataset, bandwidth: float, within: float, share: float) -> "_Book":
        grid = Grid.of(levels, bandwidth, within)
        if not 0 < share < 1:
            raise InputError(f"share is {share}; use a fraction between 0 and 1.")
        ordered = levels.transpose("chain", "draw", "side", "price", ...)
        quote, quantity = (
            v.reshape(-1, *v.shape[2:])
            for v in (ordered[name].to_numpy() for name in ("quote", "quantity"))
        )
        if not (np.isfinite(quote).all() and np.isfinite(quantity).all()):
            raise InputError(
                "levels holds unknown values (NaN); clusters need all bins of all draws."
            )
        sides = tuple(str(s) for s in levels["side"].to_numpy())
        dense = _densest(quote, grid, sides, share)
        return cls(levels, grid, sides, share, quote, quantity, dense)


def _per_draw(book: _Book, found: list[Cluster], top: int) -> xr.Dataset:
    """What every draw has within the limits of the clusters."""
    matched = _match(book.dense, book.quote, found, book.grid)
    dims = ("chain", "draw", "cluster")
    shape = (book.levels.sizes["chain"], book.levels.sizes["draw"], len(found))

    def inside(values: FloatArray) -> FloatArray:
        out = np.zeros((values.shape[0], len(found)))
        for i, c in enumerate(found):
            out[:, i] = values[:, c.side, c.start : c.stop].sum(axis=1)
        return out.reshape(shape)

    attrs = book.levels.attrs
    quote_unit = {"units": attrs.get("quote_unit", "")}
    return xr.Dataset(
        {
            "quantity": (dims, inside(book.quantity), {"units": attrs.get("unit", "")}),
            "quote": (dims, inside(book.quote), quote_unit),
            "in_top": (dims, (matched.rank <= top).reshape(shape)),
            "found": (dims, np.isfinite(matched.rank).reshape(shape)),
            "rank": (dims, matched.rank.reshape(shape)),
            "found_low": (dims, matched.low.reshape(shape), quote_unit),
            "found_high": (dims, matched.high.reshape(shape), quote_unit),
        },
        coords={
            "chain": book.levels["chain"],
            "draw": book.levels["draw"],
            "cluster": np.arange(len(found)),
        },
        attrs={
            **attrs,
            "top": top,
            "bandwidth": book.grid.bandwidth,
            "share": book.share,
            "within": book.grid.within,
        },
    )


@dataclass(frozen=True)
class _Matched:
    rank: FloatArray
    low: FloatArray
    high: FloatArray


def _densest(quote: FloatArray, grid: Grid, sides: tuple[str, ...], share: float) -> BoolArray:
    """Highest density region of each draw and side, shape (draw, side, bin)."""
    from scipy.ndimage import gaussian_filter1d

    out = np.zeros(quote.shape, bool)
    for j, side in enumerate(sides):
        reach = grid.reach(side)
        smooth = gaussian_filter1d(
            quote[:, j], grid.bandwidth / grid.step, axis=1, mode="constant"
        )[:, reach]
        ordered = -np.sort(-smooth, axis=1)
        held = np.cumsum(ordered, axis=1)
        last = np.argmax(held >= share * held[:, -1:], axis=1)
        level = np.take_along_axis(ordered, last[:, None], axis=1)
        out[:, j, reach] = (smooth >= level) & (smooth > 0)
    return out


def _match(dense: BoolArray, quote: FloatArray, clusters: list[Cluster], grid: Grid) -> _Matched:
    """Give each draw's ranges to the clusters; the largest of a cluster sets its limits."""
    n_draws, n_sides, n_bins = dense.shape
    flat, start, stop = runs(dense.reshape(-1, n_bins))
    draw, side = np.divmod(flat, n_sides)
    below = np.zeros((n_draws, n_sides, n_bins + 1))
    np.cumsum(quote, axis=2, out=below[..., 1:])
    size = below[draw, side, stop] - below[draw, side, start]
    # rank of every range among those of its draw, largest first
    order = np.lexsort((-size, draw))
    first = np.searchsorted(draw[order], np.arange(n_draws))
    rank = np.empty(size.shape, np.int64)
    rank[order] = np.arange(size.size) - first[draw[order]]

    found = _Matched(*(np.full((n_draws, len(clusters)), np.nan) for _ in range(3)))
    if not clusters or not size.size:
        return found
    limits = np.array([(c.side, c.start, c.stop) for c in clusters])
    begin = np.maximum(start[:, None], limits[:, 1])
    end = np.maximum(np.minimum(stop[:, None], limits[:, 2]), begin)
    shorter = np.minimum((stop - start)[:, None], limits[:, 2] - limits[:, 1])
    same = (side[:, None] == limits[:, 0]) & (end - begin >= _OVERLAP * shorter)
    held = below[draw[:, None], side[:, None], end] - below[draw[:, None], side[:, None], begin]
    of = np.argmax(np.where(same, held, -1.0), axis=1)
    order_by_size = np.argsort(size, kind="stable")
    # smallest first, so that the largest range of a cluster is written last
    order = order_by_size[same.any(axis=1)[order_by_size]]
    at = (draw[order], of[order])
    found.rank[at] = rank[order] + 1
    found.low[at], found.high[at] = grid.low[start[order]], grid.high[stop[order] - 1]
    return found


def _centre(quote: FloatArray, grid: Grid, cluster: Cluster) -> float:
    """Log-price centre of the mean notional of a cluster; its middle where none stands there."""
    weight = quote.mean(axis=0)
    log_price = np.log(grid.middle[cluster.start : cluster.stop])
    if not weight.sum() > 0:
        # a single book may be dense only by what the kernel brings from beside
        return float(np.exp(log_price.mean()))
    return float(np.exp(weight @ log_price / weight.sum()))
