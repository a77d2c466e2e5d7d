"""The standing book on a price grid through time, and its reduction over draws."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def seed_noise(seed):  # type: ignore[no-untyped-def]
    """Seed the generator that compiled code draws from."""
    np.random.seed(seed)  # noqa: NPY002 - numba's own generator


@njit(cache=True)
def advance_grid(  # type: ignore[no-untyped-def]
    grid, top, begin, stop, first, placed, log_kept, target, reachable, low, edges,
    pointer, column, share,
):  # fmt: skip
    """Carry one draw's grid over a block of bars.

    Between bars the grid keeps what the recursion kept; levels that the bar reached are empty;
    what the bar opened or re-anchored is placed; the sum is set to the exact living mass. A bin
    that price has entered is filled up to ``top``, the lowest price since it was filled, averaged
    over what it holds.

    Parameters
    ----------
    grid : ndarray, shape (class, column)
        Overwritten; columns ascend in oriented price, the outer two lie beyond the grid.
    top : ndarray, shape (class, column)
        Overwritten: up to which share of its width each column is filled.
    begin, stop, first : int
        Bars to run, and the segment's first bar.
    placed, log_kept
        What ``recursion.forward`` placed, perhaps in single precision, and its log survival.
    target : ndarray, shape (time, class)
        Living mass in the cells that have a level.
    reachable : ndarray of int64, shape (cell,)
        1 for these cells.
    low : ndarray, shape (time,)
        Oriented log adverse extreme.
    edges : ndarray, shape (bin + 1,)
        Oriented log price.
    pointer, column, share
        Fields of ``Standing``, every cohort as its own bar left it.

    Returns
    -------
    ndarray, shape (stop - begin, column)
        Sum over classes after each bar.
    """
    n_class, n_columns = grid.shape
    n_cells = placed.shape[2]
    out = np.zeros((stop - begin, n_columns))
    for t in range(begin, stop):
        hit = np.searchsorted(edges, low[t], side="right")
        filled = 1.0
        if 0 < hit < edges.shape[0]:
            filled = (low[t] - edges[hit - 1]) / (edges[hit] - edges[hit - 1])
        for i in range(n_class):
            if t == first:
                grid[i, :] = 0.0
                top[i, :] = 1.0
            else:
                kept = np.exp(log_kept[i, t] - log_kept[i, t - 1])
                for c in range(n_columns):
                    if c > hit:
                        grid[i, c] = 0.0
                        top[i, c] = 1.0
                    else:
                        grid[i, c] *= kept
                if filled < top[i, hit]:
                    grid[i, hit] *= filled / top[i, hit]
                    top[i, hit] = filled
            for k in range(n_cells):
                if reachable[k] == 0:
                    continue
                row = (t - first) * n_cells + k
                for q in range(pointer[row], pointer[row + 1]):
                    c = column[q]
                    mass = placed[t, i, k] * share[q]
                    # what is new in the bin that the bar ended its fall in lies below its low
                    height = filled if c == hit else 1.0
                    held = grid[i, c] + mass
                    if height != top[i, c] and held > 0.0:
                        top[i, c] += (height - top[i, c]) * mass / held
                    grid[i, c] = held
            total = grid[i].sum()
            if total > 0.0 and target[t, i] > 0.0:
                for c in range(n_columns):
                    grid[i, c] *= target[t, i] / total
            for c in range(n_columns):
                out[t - begin, c] += grid[i, c]
    return out


@njit(cache=True)
def lumpy_columns(columns, total, positions):  # type: ignore[no-untyped-def]
    """Dirichlet draw around the columns of each bar; mass outside them is one more part.

    ``total`` and ``positions`` are those of each bar.
    """
    for t in range(columns.shape[0]):
        if total[t] <= 0.0:
            continue
        inside = 0.0
        drawn = 0.0
        for c in range(columns.shape[1]):
            inside += columns[t, c]
            shape = positions[t] * columns[t, c] / total[t]
            # a shape this small is empty but for once in ten thousand draws
            if shape > 1e-5:
                columns[t, c] = np.random.gamma(shape)  # noqa: NPY002
                drawn += columns[t, c]
            else:
                columns[t, c] = 0.0
        rest = positions[t] * max(total[t] - inside, 0.0) / total[t]
        if rest > 1e-5:
            drawn += np.random.gamma(rest)  # noqa: NPY002
        if drawn > 0.0:
            for c in range(columns.shape[1]):
                columns[t, c] *= total[t] / drawn


def reduce_draws(
    values: NDArray[np.float32], probabilities: NDArray[np.float64], threshold: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Quantiles, mean and exceedance over the first axis.

    Parameters
    ----------
    values : ndarray, shape (draw, cell)
    probabilities : ndarray
    threshold : float

    Returns
    -------
    quantiles : ndarray, shape (probability, cell)
        Linear interpolation between order statistics.
    mean, above : ndarray, shape (cell,)
    """
    # NumPy sorts short contiguous rows with vector instructions, faster than it selects
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1)
    last = values.shape[0] - 1
    quantiles = np.empty((probabilities.size, values.shape[1]), np.float32)
    for j, probability in enumerate(probabilities):
        low = int(probability * last)
        share = probability * last - low
        upper = ordered[:, min(low + 1, last)]
        quantiles[j] = ordered[:, low] + share * (upper - ordered[:, low])
    mean = values.mean(axis=0, dtype=np.float64).astype(np.float32)
    return quantiles, mean, (ordered > threshold).mean(axis=1, dtype=np.float32)
