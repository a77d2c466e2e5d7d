"""Following entries along the path: which share of which cell is first reached in which bar."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@njit(cache=True)
def next_lower(low: FloatArray, start: int, stop: int, out: IntArray) -> None:
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
def touches_of_segment(
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
    """All touches of one segment: bar, cell, cohort and share of the cell; fills ``alive``."""
    n_nodes = entry.shape[1]
    n_cells = near.shape[0]
    n_book = book_offset.shape[0]
    nxt = np.empty(low.shape[0], np.int64)
    next_lower(low, start, stop, nxt)
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
