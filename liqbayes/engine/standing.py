"""Where the untouched levels of every cohort lie at one bar, on a grid of prices.

The rows are (cohort, cell), the columns price bins; an entry is the share of what the cohort holds
in the cell after its own bar that stands in the bin. The matrix depends on the price path only, so
it is built once and multiplied with the masses of each posterior draw.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from liqbayes.engine.path import (
    InitialBook,
    PricePath,
    book_nodes,
    entry_nodes,
)
from liqbayes.engine.recursion import LOG_KEPT

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Standing:
    """Sparse rows of (cohort, cell); column 0 lies beyond the far end of the grid.

    Attributes
    ----------
    first : int
        First bar of the segment; row ``(s - first) * cells + k``.
    pointer, column, share : ndarray
        Compressed rows. Columns ``1 .. bins`` ascend in oriented price (from far to near for
        longs and shorts alike), column ``bins + 1`` lies beyond the near end.
    n_columns : int
    """

    first: int
    pointer: IntArray
    column: NDArray[np.int32]
    share: FloatArray
    n_columns: int


def standing_levels(
    path: PricePath,
    side: str,
    near: FloatArray,
    far: FloatArray,
    *,
    alive: FloatArray,
    book: InitialBook,
    volatility: FloatArray,
    n_nodes: int,
    at: int,
    edges: FloatArray,
    own_bar: bool = False,
) -> Standing:
    """Place the untouched levels of one side at the close of bar ``at``.

    Parameters
    ----------
    path, side, near, far, book, n_nodes
        As in ``touches.build_touches``, whose ``alive`` is given too.
    volatility : ndarray, shape (segment,)
        By which ``build_touches`` spread the first book of each segment, a bar.
    at : int
        Bar inside a segment.
    edges : ndarray, shape (bin + 1,)
        Bin limits as oriented log prices (log price for longs, minus log price for shorts),
        ascending.
    own_bar : bool
        Place every cohort as its own bar left it, whatever price did afterwards.

    Returns
    -------
    Standing
    """
    segment = next(i for i, (a, b) in enumerate(path.segments) if a <= at < b)
    first = path.segments[segment][0]
    _, _, low, close = path.oriented(side)
    entry, remaining = entry_nodes(path, side, n_nodes)
    offset, variance = book_nodes(book, float(volatility[segment]))
    if own_bar:
        low = np.full_like(low, np.inf)
    n_reachable = int(np.isfinite(near).sum())
    pointer, column, share = _standing(
        first,
        first,
        at,
        entry,
        remaining,
        low,
        close,
        near[:n_reachable],
        far[:n_reachable],
        near.size,
        alive,
        offset,
        variance,
        edges,
    )
    return Standing(first, pointer, column, share, edges.size + 1)


@njit(cache=True)
def _standing(  # type: ignore[no-untyped-def]
    begin,
    first,
    at,
    entry,
    remaining,
    low,
    close,
    near,
    far,
    n_cells,
    alive,
    offset,
    variance,
    edges,
):
    n_reachable = near.shape[0]
    n_columns = edges.shape[0] + 1
    n_rows = (at - begin + 1) * n_cells
    pointer = np.zeros(n_rows + 1, np.int64)
    capacity = 64 * n_rows + 1024
    column = np.empty(capacity, np.int32)
    share = np.empty(capacity)
    lowest = np.empty(at + 1)
    running = np.inf
    for t in range(at, begin - 1, -1):
        lowest[t] = running
        running = min(running, low[t])
    n = 0
    buffer = np.zeros(n_columns)
    for s in range(begin, at + 1):
        for k in range(n_cells):
            row = (s - begin) * n_cells + k
            lo_column = n_columns
            hi_column = -1
            if k < n_reachable:
                width = far[k] - near[k]
                n_entries = 1
                if s == first:
                    n_entries = offset.shape[0]
                elif alive[s, k] > 0.0:
                    n_entries = entry.shape[1]
                for j in range(n_entries):
                    nearest = near[k]
                    if s == first:
                        u = close[s] + offset[j]
                        nearest = max(near[k], offset[j])
                        if far[k] <= nearest or alive[s, k] <= 0.0:
                            continue
                        middle = 0.5 * (nearest + far[k])
                        density = (
                            (1.0 - np.exp(-2.0 * middle * (middle - offset[j]) / variance[j]))
                            / width
                            / n_entries
                            / alive[s, k]
                        )
                        reached = min(close[s], u)
                    elif alive[s, k] > 0.0:
                        u = entry[s, j]
                        reached = remaining[s, j]
                        density = 1.0 / width / n_entries / alive[s, k]
                    else:
                        u = close[s]
                        reached = u
                        density = 1.0 / width
                    reached = min(reached, lowest[s])
                    top = min(u - nearest, reached)
                    bottom = u - far[k]
                    if top <= bottom:
                        continue
                    c = np.searchsorted(edges, bottom, side="right")
                    position = bottom
                    while True:
                        limit = edges[c] if c < edges.shape[0] else np.inf
                        upper = min(top, limit)
                        buffer[c] += density * (upper - position)
                        lo_column = min(lo_column, c)
                        hi_column = max(hi_column, c)
                        if upper >= top:
                            break
                        position = upper
                        c += 1
            if n + n_columns > capacity:
                capacity = 2 * capacity + n_columns
                new_column = np.empty(capacity, np.int32)
                new_column[:n] = column[:n]
                column = new_column
                new_share = np.empty(capacity)
                new_share[:n] = share[:n]
                share = new_share
            for c in range(lo_column, hi_column + 1):
                if buffer[c] > 0.0:
                    column[n] = c
                    share[n] = buffer[c]
                    n += 1
                buffer[c] = 0.0
            pointer[row + 1] = n
    return pointer, column[:n].copy(), share[:n].copy()


@njit(cache=True)
def stand(placed, by_class, at, first, pointer, column, share, n_columns):  # type: ignore[no-untyped-def]
    """Mass per price bin of the living book at bar ``at``.

    Parameters
    ----------
    placed : ndarray, shape (time, class, cell)
    by_class : ndarray, shape (3, class, time)
        Tapes of ``recursion.forward``.
    first, pointer, column, share, n_columns
        Fields of ``Standing``.

    Returns
    -------
    ndarray, shape (n_columns,)
        Cells without a level do not count.
    """
    n_cells = placed.shape[2]
    by_bin = np.zeros(n_columns)
    for i in range(placed.shape[1]):
        for s in range(first, at + 1):
            left = np.exp(by_class[LOG_KEPT, i, at] - by_class[LOG_KEPT, i, s])
            if left < 1e-300:
                continue
            for k in range(n_cells):
                mass = placed[s, i, k] * left
                row = (s - first) * n_cells + k
                for q in range(pointer[row], pointer[row + 1]):
                    by_bin[column[q]] += mass * share[q]
    return by_bin
