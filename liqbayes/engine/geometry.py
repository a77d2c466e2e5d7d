"""Which share of a cohort is first touched in which bar: fixed by the price path alone.

A cohort is what was opened (or re-anchored) in one bar. Its entries are spread along the bar's
ordered path, its distances to liquidation over cells. For every (cohort, cell) the path decides
what share of the levels is reached first in each later bar; those *touches* are computed once and
sorted by bar, so that the recursion only multiplies and adds (``docs/explanation/engine.md``).

All functions work on log prices for the long side; the short side is the mirror image.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class PricePath:
    """Price bars that trigger liquidation, cut into segments without unknown prices.

    Parameters
    ----------
    open, high, low, close : ndarray, shape (time,)
        Prices in quote units; NaN outside the segments.
    segments : tuple of (int, int)
        Half-open index ranges of bars that are followed as one book. The first bar of each
        range only fixes the book that the range starts with.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    segments: tuple[tuple[int, int], ...]

    @property
    def n_bars(self) -> int:
        """Number of bars, inside and outside segments."""
        return int(self.close.shape[0])

    def oriented(self, side: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Log open, favourable extreme, adverse extreme and close; shorts are mirrored."""
        if side == "long":
            return np.log(self.open), np.log(self.high), np.log(self.low), np.log(self.close)
        if side == "short":
            return -np.log(self.open), -np.log(self.low), -np.log(self.high), -np.log(self.close)
        raise InputError(f"side is {side!r}; use 'long' or 'short'.")


@dataclass(frozen=True)
class InitialBook:
    """Spread of the book that exists before a segment's first bar.

    Entries are ``age`` old, ages exponential with mean ``mean_age_bars``; the price moved since
    as a Brownian motion with the segment's own volatility per bar. Levels that such a path would
    already have reached are gone (Brownian-bridge barrier probability, e.g. Karatzas & Shreve
    1991, §4.3.C).
    """

    mean_age_bars: float
    age_nodes: int = 8
    offset_nodes: int = 15


@dataclass(frozen=True)
class Touches:
    """First touches of one side, sorted by bar, cell and cohort.

    Attributes
    ----------
    pointer : ndarray of int64, shape (time + 1,)
        Touches of bar ``t`` are ``pointer[t]:pointer[t + 1]``.
    cohort, cell : ndarray of int32, shape (touch,)
        Opening bar and distance cell.
    weight : ndarray of float32, shape (touch,)
        Share of what the cohort holds in that cell *after its own bar* that is first touched here.
    alive : ndarray of float64, shape (time, cell)
        Share of a cell that its own bar's path leaves untouched. On a segment's first bar: share
        of the earlier openings whose level had not been reached yet.
    """

    pointer: IntArray
    cohort: NDArray[np.int32]
    cell: NDArray[np.int32]
    weight: NDArray[np.float32]
    alive: FloatArray

    @property
    def n_touches(self) -> int:
        """Number of (cohort, cell, bar) triples."""
        return int(self.weight.shape[0])

    @cached_property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Touches as ``recursion.forward`` takes them, in its order.

        Returns
        -------
        swept : ndarray, shape (time, cell)
            Share of each cell that its own bar's path touches.
        n_swept : ndarray of int64, shape (time,)
            Number of leading cells that it touches at all.
        pointer : ndarray of int64, shape (time + 1,)
            Runs of bar ``t`` are ``pointer[t]:pointer[t + 1]``; a run is the touches of one cell.
        run_cell, run_stop : ndarray of int64, shapes (run,) and (run + 1,)
            Cell of each run, and where its touches begin and end.
        cohort, weight : ndarray of uint32 and float32, shape (touch,)
        """
        swept = 1.0 - self.alive
        any_swept = swept > 0
        n_cells = swept.shape[1]
        last = n_cells - np.argmax(any_swept[:, ::-1], axis=1)
        bar = np.repeat(np.arange(self.pointer.size - 1), np.diff(self.pointer))
        begins = np.flatnonzero(np.diff(bar * n_cells + self.cell, prepend=-1))
        return (
            swept,
            np.where(any_swept.any(axis=1), last, 0).astype(np.int64),
            np.searchsorted(begins, self.pointer).astype(np.int64),
            self.cell[begins].astype(np.int64),
            np.append(begins, self.weight.size).astype(np.int64),
            self.cohort.astype(np.uint32),
            self.weight,
        )


def entry_nodes(path: PricePath, side: str, n_nodes: int) -> tuple[FloatArray, FloatArray]:
    """Entry prices along each bar's ordered path and the adverse extreme still to come.

    The path is open, low, high, close when the bar closed up and open, high, low, close when it
    closed down; nodes sit at equal steps of path length.

    Returns
    -------
    entry, remaining : ndarray, shape (time, node)
        Oriented log prices; ``remaining`` is the lowest point of the path after the node.
    """
    o, h, low, c = path.oriented(side)
    adverse_first = (path.close >= path.open) == (side == "long")
    return _entry_nodes(o, h, low, c, adverse_first, n_nodes)


@njit(cache=True)
def _entry_nodes(
    o: FloatArray,
    h: FloatArray,
    low: FloatArray,
    c: FloatArray,
    adverse_first: NDArray[np.bool_],
    n_nodes: int,
) -> tuple[FloatArray, FloatArray]:
    n_bars = o.shape[0]
    entry = np.full((n_bars, n_nodes), np.nan)
    remaining = np.full((n_bars, n_nodes), np.nan)
    corner = np.empty(4)
    for t in range(n_bars):
        if np.isnan(c[t]):
            continue
        corner[0] = o[t]
        corner[3] = c[t]
        if adverse_first[t]:
            corner[1], corner[2] = low[t], h[t]
        else:
            corner[1], corner[2] = h[t], low[t]
        length = 0.0
        for i in range(3):
            length += abs(corner[i + 1] - corner[i])
        for j in range(n_nodes):
            target = length * (j + 0.5) / n_nodes
            i = 0
            while i < 2 and target > abs(corner[i + 1] - corner[i]):
                target -= abs(corner[i + 1] - corner[i])
                i += 1
            leg = abs(corner[i + 1] - corner[i])
            share = min(target / leg, 1.0) if leg > 0 else 1.0
            u = corner[i] + share * (corner[i + 1] - corner[i])
            lowest = u
            for q in range(i + 1, 4):
                lowest = min(lowest, corner[q])
            entry[t, j] = u
            remaining[t, j] = lowest
    return entry, remaining


@njit(cache=True)
def _next_lower(low: FloatArray, start: int, stop: int, out: IntArray) -> None:
    """Next bar of the segment with a strictly lower low, or ``stop``."""
    for t in range(stop - 1, start - 1, -1):
        n = t + 1
        while n < stop and low[n] >= low[t]:
            n = out[n]
        out[t] = n


@njit(cache=True)
def _walk(
    bar: int,
    stop: int,
    entry: float,
    reached: float,
    mass: float,
    near: FloatArray,
    far: FloatArray,
    low: FloatArray,
    nxt: IntArray,
    out_bar: IntArray,
    out_cell: IntArray,
    out_mass: FloatArray,
    n_out: int,
) -> int:
    """Follow one entry node; ``mass`` per cell, uniform in log level between near and far."""
    n_cells = near.shape[0]
    deepest = far[n_cells - 1]
    t = bar + 1
    while t < stop:
        while t < stop and low[t] >= reached:
            t = nxt[t]
        if t >= stop:
            break
        shallow = entry - reached
        deep = entry - low[t]
        for k in range(n_cells):
            if far[k] <= shallow:
                continue
            if near[k] >= deep:
                break
            lo = max(near[k], shallow)
            hi = min(far[k], deep)
            out_bar[n_out] = t
            out_cell[n_out] = k
            out_mass[n_out] = mass * (hi - lo) / (far[k] - near[k])
            n_out += 1
        reached = low[t]
        if entry - reached >= deepest:
            break
        t += 1
    return n_out


@njit(cache=True)
def _grown(array, size):  # type: ignore[no-untyped-def]
    out = np.empty(size, array.dtype)
    out[: array.shape[0]] = array
    return out


@njit(cache=True)
def _touches_of_segment(
    start: int,
    stop: int,
    entry: FloatArray,
    remaining: FloatArray,
    low: FloatArray,
    close: FloatArray,
    near: FloatArray,
    far: FloatArray,
    book_offset: FloatArray,
    book_variance: FloatArray,
    alive: FloatArray,
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    n_nodes = entry.shape[1]
    n_cells = near.shape[0]
    n_book = book_offset.shape[0]
    nxt = np.empty(low.shape[0], np.int64)
    _next_lower(low, start, stop, nxt)
    # one walk adds at most one touch per bar and cell border
    reserve = stop - start + n_cells
    capacity = 64 * (stop - start) + 4 * reserve
    bars = np.empty(capacity, np.int64)
    cells = np.empty(capacity, np.int64)
    cohorts = np.empty(capacity, np.int64)
    masses = np.empty(capacity)
    one_near = np.empty(1)
    one_far = np.empty(1)
    n = 0
    for s in range(start, stop):
        n_entries = n_book if s == start else n_nodes
        for k in range(n_cells):
            alive[s, k] = 0.0
        for j in range(n_entries):
            if n + n_cells * reserve > capacity:
                capacity = 2 * capacity + n_cells * reserve
                bars = _grown(bars, capacity)
                cells = _grown(cells, capacity)
                cohorts = _grown(cohorts, capacity)
                masses = _grown(masses, capacity)
            before = n
            if s == start:
                # Earlier entries, given that price came to the first close without having
                # reached their level (bridge probability at the middle of what is left).
                u = close[start] + book_offset[j]
                for k in range(n_cells):
                    one_near[0] = max(near[k], book_offset[j])
                    one_far[0] = far[k]
                    if one_far[0] <= one_near[0]:
                        continue
                    middle = 0.5 * (one_near[0] + one_far[0])
                    survive = 1.0 - np.exp(
                        -2.0 * middle * (middle - book_offset[j]) / book_variance[j]
                    )
                    share = survive * (one_far[0] - one_near[0]) / (far[k] - near[k]) / n_book
                    alive[s, k] += share
                    first = n
                    n = _walk(
                        s,
                        stop,
                        u,
                        min(close[start], u),
                        share,
                        one_near,
                        one_far,
                        low,
                        nxt,
                        bars,
                        cells,
                        masses,
                        n,
                    )
                    cells[first:n] = k
            else:
                depth = entry[s, j] - remaining[s, j]
                for k in range(n_cells):
                    g = (depth - near[k]) / (far[k] - near[k])
                    alive[s, k] += (1.0 - min(max(g, 0.0), 1.0)) / n_nodes
                n = _walk(
                    s,
                    stop,
                    entry[s, j],
                    remaining[s, j],
                    1.0 / n_nodes,
                    near,
                    far,
                    low,
                    nxt,
                    bars,
                    cells,
                    masses,
                    n,
                )
            cohorts[before:n] = s
        if s > start:
            # Cells that the bar itself sweeps clean: what re-anchors there starts at the close.
            for k in range(n_cells):
                if alive[s, k] < 1e-9:
                    alive[s, k] = 0.0
                    one_near[0] = near[k]
                    one_far[0] = far[k]
                    first = n
                    n = _walk(
                        s,
                        stop,
                        close[s],
                        close[s],
                        1.0,
                        one_near,
                        one_far,
                        low,
                        nxt,
                        bars,
                        cells,
                        masses,
                        n,
                    )
                    cells[first:n] = k
                    cohorts[first:n] = s
    return bars[:n], cells[:n], cohorts[:n], masses[:n]


def book_nodes(book: InitialBook, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Offset of an earlier entry from the first close, and the variance of the move since."""
    quantiles = (np.arange(book.age_nodes) + 0.5) / book.age_nodes
    ages = -np.log1p(-quantiles) * book.mean_age_bars
    normal = ndtri((np.arange(book.offset_nodes) + 0.5) / book.offset_nodes)
    scale = np.maximum(np.sqrt(ages) * sigma, 1e-6)
    return np.outer(scale, normal).ravel(), np.repeat(scale**2, book.offset_nodes)


def segment_volatility(path: PricePath, start: int, stop: int) -> float:
    """Standard deviation of the log return of one bar, at least 1e-6."""
    returns = np.diff(np.log(path.close[start:stop]))
    return max(float(np.std(returns)) if returns.size > 1 else 0.0, 1e-6)


def build_touches(
    path: PricePath,
    side: str,
    near: FloatArray,
    far: FloatArray,
    *,
    book: InitialBook,
    n_nodes: int = 5,
) -> Touches:
    """Compute the first touches of one side.

    Parameters
    ----------
    path : PricePath
        Bars and segments.
    side : {"long", "short"}
        Longs are reached by falling prices.
    near, far : ndarray, shape (cell,)
        Cell limits as positive log distances of the level from its anchor, ascending; cells
        without a level that price can reach come last and have ``near = inf``.
    book : InitialBook
        Spread of the book before each segment's first bar.
    n_nodes : int
        Entry prices a bar.

    Returns
    -------
    Touches

    Raises
    ------
    InputError
        If the cells do not ascend or a segment has fewer than two bars.
    """
    near, far = np.asarray(near, float), np.asarray(far, float)
    reachable = np.isfinite(near)
    n_reachable = int(reachable.sum())
    if (
        not reachable[:n_reachable].all()
        or (np.diff(near[:n_reachable]) <= 0).any()
        or (far[:n_reachable] <= near[:n_reachable]).any()
    ):
        raise InputError("distance cells must ascend, cells without a level last.")
    _, _, low, close = path.oriented(side)
    entry, remaining = entry_nodes(path, side, n_nodes)
    alive = np.ones((path.n_bars, near.size))
    parts = []
    for start, stop in path.segments:
        if stop - start < 2:
            raise InputError(f"segment of bars {start}:{stop} has fewer than 2 bars.")
        offset, variance = book_nodes(book, segment_volatility(path, start, stop))
        reached = np.ones((path.n_bars, n_reachable))
        parts.append(
            _touches_of_segment(
                start,
                stop,
                entry,
                remaining,
                low,
                close,
                near[:n_reachable],
                far[:n_reachable],
                offset,
                variance,
                reached,
            )
        )
        alive[start:stop, :n_reachable] = reached[start:stop]
    bars, cells, cohorts, masses = (np.concatenate(p) for p in zip(*parts, strict=True))
    return _merged(bars, cells, cohorts, masses, alive)


def _merged(
    bars: IntArray, cells: IntArray, cohorts: IntArray, masses: FloatArray, alive: FloatArray
) -> Touches:
    """Sum the nodes of each (bar, cohort, cell) and condition on being left by the own bar."""
    n_bars, n_cells = alive.shape
    key = (bars * n_cells + cells) * n_bars + cohorts
    order = np.argsort(key, kind="stable")
    key, masses = key[order], masses[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    weight = np.add.reduceat(masses, first) if first.size else masses
    key = key[first]
    cohort = key % n_bars
    cell = (key // n_bars) % n_cells
    bar = key // (n_cells * n_bars)
    left = alive[cohort, cell]
    weight = np.minimum(weight / np.where(left > 0, left, 1.0), 1.0)
    pointer = np.searchsorted(bar, np.arange(n_bars + 1))
    return Touches(
        pointer=pointer.astype(np.int64),
        cohort=cohort.astype(np.int32),
        cell=cell.astype(np.int32),
        weight=weight.astype(np.float32),
        alive=alive,
    )
