"""Random sets of price bins: their Vorob'ev expectation, how far they differ, their pieces."""

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def common(dense: BoolArray, smallest: int) -> list[tuple[int, int]]:
    """Vorob'ev expectation of random sets (draw, bin), as half-open ranges of bins."""
    size = round(float(dense.sum(axis=1).mean()))
    if size == 0:
        return []
    covered = dense.mean(axis=0)
    level = np.sort(covered)[-size]
    _, start, stop = runs(((covered >= level) & (covered > 0))[None])
    joined: list[tuple[int, int]] = []
    for a, b in zip(start.tolist(), stop.tolist(), strict=True):
        if joined and a - joined[-1][1] < smallest:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return [(a, b) for a, b in joined if b - a >= smallest]


def disagreement(dense: BoolArray) -> float:
    """Vorob'ev deviation over the mean size of a draw's set and the common one together."""
    size = round(float(dense.sum(axis=1).mean()))
    if size == 0:
        return float("nan")
    covered = dense.mean(axis=0)
    common = covered >= np.sort(covered)[-size]
    either = (dense | common).sum(axis=1).mean()
    return float((dense ^ common).sum(axis=1).mean() / either)


def runs(dense: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
    """Row, start and stop (half-open) of every run of true values."""
    edge = np.diff(dense.astype(np.int8), axis=1, prepend=0, append=0)
    row, start = np.nonzero(edge == 1)
    _, stop = np.nonzero(edge == -1)
    return row, start, stop
