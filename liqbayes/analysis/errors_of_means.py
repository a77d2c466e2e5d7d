"""Errors of means over overlapping stretches of one series, by the means of blocks of it."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
# Fewer blocks than this have no interval.
LEAST_BLOCKS = 8


def mean_error(values: FloatArray, length: int) -> float:
    """Half of a 90 % interval of a mean, by the means of blocks.

    Parameters
    ----------
    values : ndarray, shape (time,)
    length : int
        Values of a block: at least as many as overlap.

    Returns
    -------
    float
        NaN with fewer than ``LEAST_BLOCKS`` blocks.
    """
    blocks = values.size // length
    if blocks < LEAST_BLOCKS:
        return float("nan")
    means = values[: blocks * length].reshape(blocks, length).mean(axis=1)
    return float(student.ppf(0.95, blocks - 1) * means.std(ddof=1) / np.sqrt(blocks))


def group_means(
    values: FloatArray, groups: tuple[BoolArray, ...], length: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means of groups of bars, their 90 % errors, and the errors of differences from the last.

    A mean over the bars of a group is a ratio of two sums over blocks; its error is that of the
    ratio estimator (Cochran 1977, Sampling Techniques, section 6.4), and the error of a difference
    uses that both are summed over the same blocks.

    Parameters
    ----------
    values : ndarray, shape (time,)
        NaN counts in no group.
    groups : tuple of ndarray of bool, shape (time,)
    length : int
        Bars of a block.

    Returns
    -------
    means, errors, difference_errors : ndarray, shape (group,)
        NaN where a group is empty, or spreads over fewer than ``LEAST_BLOCKS`` blocks.
    """
    known = np.isfinite(values)
    blocks = -(-values.size // length)
    at = np.arange(values.size) // length
    means = np.full(len(groups), np.nan)
    residual = np.full((len(groups), blocks), np.nan)
    spread = np.zeros(len(groups), int)
    for i, group in enumerate(groups):
        own = group & known
        if not own.any():
            continue
        means[i] = values[own].mean()
        sums = np.bincount(at[own], values[own] - means[i], blocks)
        residual[i] = sums / own.sum()
        spread[i] = np.unique(at[own]).size
    errors, differences = np.full(len(groups), np.nan), np.full(len(groups), np.nan)
    for i in range(len(groups)):
        for out, e, least in (
            (errors, residual[i], spread[i]),
            (differences, residual[i] - residual[-1], min(spread[i], spread[-1])),
        ):
            if least >= LEAST_BLOCKS:
                scale = np.sqrt(least / (least - 1.0) * np.sum(e**2))
                out[i] = student.ppf(0.95, least - 1) * scale
    return means, errors, differences
