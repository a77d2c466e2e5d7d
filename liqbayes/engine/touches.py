"""Which share of a cohort is first touched in which bar: fixed by the price path alone.

A cohort is what was opened (or re-anchored) in one bar. Its entries are spread along the bar's
ordered path, its distances to liquidation over cells. For every (cohort, cell) the path decides
what share of the levels is reached first in each later bar; those *touches* are computed once and
sorted by bar, so that the recursion only multiplies and adds (``docs/explanation/engine.md``).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.engine.path import (
    InitialBook,
    PricePath,
    book_nodes,
    entry_nodes,
    segment_volatility,
)
from liqbayes.engine.walk import touches_of_segment
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


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


def build_touches(
    path: PricePath,
    side: str,
    near: FloatArray,
    far: FloatArray,
    *,
    book: InitialBook,
    n_nodes: int = 5,
    seen: int | None = None,
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
    seen : int, optional
        Bars that the volatility before a segment is taken from; default: all.

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
        offset, variance = book_nodes(book, segment_volatility(path, start, stop, seen))
        reached = np.ones((path.n_bars, n_reachable))
        parts.append(
            touches_of_segment(
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
