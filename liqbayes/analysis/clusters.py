"""Clusters: price ranges in which liquidation levels stand densest.

A cluster of a density is a connected part of a level set (Hartigan 1975, Clustering Algorithms,
ch. 11); the level is the one whose set holds a stated share of the mass, the highest density region
(Hyndman 1996, doi 10.1080/00031305.1996.10474359). Every draw has a set of its own. What they have
in common is their Vorob'ev expectation: the prices that most draws cover, as many of them as a draw
covers on average (Molchanov 2005, doi 10.1007/1-84628-150-4, section 2.2.2).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

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
# A draw's range and a common one are the same cluster if they share this much of the shorter.
_OVERLAP = 0.5


def find_clusters(
    levels: xr.Dataset,
    *,
    top: int = 10,
    bandwidth: float = BANDWIDTH,
    share: float = SHARE,
    within: float = WITHIN,
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
        A cluster is among the top if one of the ``top`` largest ranges of the draw, over both
        sides, is matched to it; so many clusters are returned at most.
    bandwidth : float
        Standard deviation of the kernel in log price.
    share : float
        Share of the notional that the densest prices hold.
    within : float
        Adverse move from the last price up to which levels count.

    Returns
    -------
    Dataset
        Over (chain, draw, cluster), largest mean notional first: ``quantity`` and ``quote`` that
        the draw has within the cluster's limits, ``in_top`` (bool), ``found`` (bool: the draw has a
        range there) and its limits ``found_low`` and ``found_high`` (NaN where it has none).
        Coordinates on cluster: ``side``, ``price_low``, ``price_high``, ``price`` (centre of the
        mean notional), ``distance`` (of the centre, as a fraction of the mark price, positive).
        Variable ``stability`` (side): expected size of what a draw's set and the common one do not
        share, over that of both together (0: all draws agree, 1: they have nothing in common); NaN
        of a single draw. The dim cluster is empty where no level stands within reach.

    Raises
    ------
    InputError
        On a setting out of range, a grid that ends within reach or is coarser than the bandwidth,
        or levels that are unknown.
    """
    grid = _Grid.of(levels, bandwidth, within)
    if top < 1:
        raise InputError(f"top is {top}; use 1 or more.")
    if not 0 < share < 1:
        raise InputError(f"share is {share}; use a fraction between 0 and 1.")
    quote = levels["quote"].transpose("chain", "draw", "side", "price").to_numpy()
    quantity = levels["quantity"].transpose("chain", "draw", "side", "price").to_numpy()
    if not np.isfinite(quote).all():
        raise InputError("levels holds unknown values (NaN); clusters need all bins of all draws.")
    shape = quote.shape[:2]
    sides = [str(s) for s in levels["side"].to_numpy()]
    several = has_interval(levels.sizes)
    dense = _densest(quote.reshape(-1, *quote.shape[2:]), grid, sides, share)
    masses = quote.reshape(dense.shape)
    apart = np.array([_disagreement(dense[:, j]) for j in range(len(sides))])
    ranges = [_common(dense[:, j], grid.smallest if several else 1) for j in range(len(sides))]
    found = [
        _Cluster(j, a, b, float(masses[:, j, a:b].sum(axis=1).mean()))
        for j, side_ranges in enumerate(ranges)
        for a, b in side_ranges
    ]
    found = sorted(found, key=lambda c: -c.quote)[:top]
    matched = _match(dense, masses, found, grid, top)
    centre = np.array([_centre(masses[:, c.side, c.start : c.stop], grid, c) for c in found])
    dims = ("chain", "draw", "cluster")
    of_draw = (*shape, len(found))

    def inside(values: FloatArray) -> FloatArray:
        parts = [values[:, :, c.side, c.start : c.stop].sum(axis=2) for c in found]
        return np.stack(parts, axis=2) if parts else np.zeros(of_draw)

    price_unit = {"units": levels.attrs.get("quote_unit", "")}
    return xr.Dataset(
        {
            "quantity": (dims, inside(quantity), {"units": levels.attrs.get("unit", "")}),
            "quote": (dims, inside(quote), price_unit),
            "in_top": (dims, matched.in_top.reshape(of_draw)),
            "found": (dims, np.isfinite(matched.low).reshape(of_draw)),
            "found_low": (dims, matched.low.reshape(of_draw), price_unit),
            "found_high": (dims, matched.high.reshape(of_draw), price_unit),
            "stability": ("of_side", apart if several else np.full(len(sides), np.nan)),
        },
        coords={
            "chain": levels["chain"],
            "draw": levels["draw"],
            "of_side": sides,
            "cluster": np.arange(len(found)),
            "side": ("cluster", np.array([sides[c.side] for c in found], dtype=object)),
            "price_low": ("cluster", grid.low[[c.start for c in found]]),
            "price_high": ("cluster", grid.high[[c.stop - 1 for c in found]]),
            "price": ("cluster", centre),
            "distance": ("cluster", np.abs(centre / grid.mark - 1.0)),
        },
        attrs={
            **levels.attrs,
            "top": top,
            "bandwidth": bandwidth,
            "share": share,
            "within": within,
        },
    )


@dataclass(frozen=True)
class _Grid:
    low: FloatArray
    high: FloatArray
    middle: FloatArray
    mark: float
    step: float
    bandwidth: float
    within: float

    @classmethod
    def of(cls, levels: xr.Dataset, bandwidth: float, within: float) -> "_Grid":
        low, high = (np.asarray(levels[f"price_{x}"].to_numpy(), float) for x in ("low", "high"))
        mark = float(levels.attrs["mark_price"])
        step = float(np.log(high / low).mean())
        if not 0 < within < 1:
            raise InputError(f"within is {within}; use an adverse move between 0 and 1.")
        if low[0] > mark * (1 - within) or high[-1] < mark * (1 + within):
            raise InputError(
                f"the grid runs from {low[0] / mark:.3g} to {high[-1] / mark:.3g} times the mark "
                f"price; clusters within {within:g} need {1 - within:g} to {1 + within:g}."
            )
        if not step <= bandwidth < within:
            raise InputError(
                f"bandwidth is {bandwidth:g}; use at least the width of a bin, {step:.2g}, and "
                f"less than within, {within:g}. More bins allow less."
            )
        middle = np.asarray(levels["price"].to_numpy(), float)
        return cls(low, high, middle, mark, step, bandwidth, within)

    def reach(self, side: str) -> BoolArray:
        """Bins whose levels an adverse move reaches."""
        if side == "long":
            return (self.low < self.mark) & (self.high > self.mark * (1 - self.within))
        return (self.high > self.mark) & (self.low < self.mark * (1 + self.within))

    @property
    def smallest(self) -> int:
        """Bins of the shortest piece and of the shortest gap that count."""
        return max(1, round(self.bandwidth / self.step))


@dataclass(frozen=True)
class _Cluster:
    side: int
    start: int
    stop: int
    quote: float


@dataclass(frozen=True)
class _Matched:
    in_top: BoolArray
    low: FloatArray
    high: FloatArray


def _densest(quote: FloatArray, grid: _Grid, sides: list[str], share: float) -> BoolArray:
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


def _common(dense: BoolArray, smallest: int) -> list[tuple[int, int]]:
    """Vorob'ev expectation of random sets (draw, bin), as half-open ranges of bins."""
    size = round(float(dense.sum(axis=1).mean()))
    if size == 0:
        return []
    covered = dense.mean(axis=0)
    level = np.sort(covered)[-size]
    _, start, stop = _runs(((covered >= level) & (covered > 0))[None])
    joined: list[tuple[int, int]] = []
    for a, b in zip(start.tolist(), stop.tolist(), strict=True):
        if joined and a - joined[-1][1] < smallest:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return [(a, b) for a, b in joined if b - a >= smallest]


def _disagreement(dense: BoolArray) -> float:
    """Vorob'ev deviation over the mean size of a draw's set and the common one together."""
    size = round(float(dense.sum(axis=1).mean()))
    if size == 0:
        return float("nan")
    covered = dense.mean(axis=0)
    common = covered >= np.sort(covered)[-size]
    either = (dense | common).sum(axis=1).mean()
    return float((dense ^ common).sum(axis=1).mean() / either)


def _runs(dense: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
    """Row, start and stop (half-open) of every run of true values."""
    edge = np.diff(dense.astype(np.int8), axis=1, prepend=0, append=0)
    row, start = np.nonzero(edge == 1)
    _, stop = np.nonzero(edge == -1)
    return row, start, stop


def _match(
    dense: BoolArray, quote: FloatArray, clusters: list[_Cluster], grid: _Grid, top: int
) -> _Matched:
    """Give each draw's ranges to the clusters; the largest of a cluster sets its limits."""
    n_draws, n_sides, n_bins = dense.shape
    flat, start, stop = _runs(dense.reshape(-1, n_bins))
    draw, side = np.divmod(flat, n_sides)
    below = np.zeros((n_draws, n_sides, n_bins + 1))
    np.cumsum(quote, axis=2, out=below[..., 1:])
    size = below[draw, side, stop] - below[draw, side, start]
    # rank of every range among those of its draw, largest first
    order = np.lexsort((-size, draw))
    first = np.searchsorted(draw[order], np.arange(n_draws))
    rank = np.empty(size.shape, np.int64)
    rank[order] = np.arange(size.size) - first[draw[order]]

    found = _Matched(
        np.zeros((n_draws, len(clusters)), bool),
        np.full((n_draws, len(clusters)), np.nan),
        np.full((n_draws, len(clusters)), np.nan),
    )
    if not clusters or not size.size:
        return found
    limits = np.array([(c.side, c.start, c.stop) for c in clusters])
    begin = np.maximum(start[:, None], limits[:, 1])
    end = np.maximum(np.minimum(stop[:, None], limits[:, 2]), begin)
    shorter = np.minimum((stop - start)[:, None], limits[:, 2] - limits[:, 1])
    same = (side[:, None] == limits[:, 0]) & (end - begin >= _OVERLAP * shorter)
    held = below[draw[:, None], side[:, None], end] - below[draw[:, None], side[:, None], begin]
    of = np.argmax(np.where(same, held, -1.0), axis=1)
    # smallest first, so that the largest range of a cluster writes its limits last
    for i in np.argsort(size)[same.any(axis=1)[np.argsort(size)]]:
        at = (draw[i], of[i])
        found.in_top[at] |= rank[i] < top
        found.low[at], found.high[at] = grid.low[start[i]], grid.high[stop[i] - 1]
    return found


def _centre(quote: FloatArray, grid: _Grid, cluster: _Cluster) -> float:
    """Log-price centre of the mean notional of a cluster."""
    weight = quote.mean(axis=0)
    log_price = np.log(grid.middle[cluster.start : cluster.stop])
    return float(np.exp(weight @ log_price / weight.sum()))
