"""Stretches of past bars laid end to end: the stationary bootstrap, and what it lays."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Mean length of the stretches that a path is made of.
MEAN_BLOCK_HOURS = 24.0
PRICES = ("open", "high", "low", "close")


def bar_moves(prices: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Log moves of open, high, low and close from the close of the bar before.

    Parameters
    ----------
    prices : dict of ndarray, shape (bar,)
        Keys ``open``, ``high``, ``low`` and ``close``, or some of them with ``close``.

    Returns
    -------
    dict of ndarray, shape (bar,)
        NaN in the first bar, and where a price or the close before is unknown.
    """
    before = np.concatenate([[np.nan], prices["close"][:-1]])
    return {name: np.log(values / before) for name, values in prices.items()}


def stationary_rows(
    n_rows: int, shape: tuple[int, ...], leave: float, rng: np.random.Generator
) -> IntArray:
    """Rows of stretches of geometric length, drawn with wrapping: the stationary bootstrap.

    Politis and Romano 1994, doi 10.1080/01621459.1994.10476870.

    Parameters
    ----------
    n_rows : int
        Rows to draw from, in order of time.
    shape : tuple of int
        Shape of the result; a stretch goes on along the last axis.
    leave : float
        Chance that a stretch ends with each row; the mean length is its inverse.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int64
        Rows, ``0 <= row < n_rows``.

    Raises
    ------
    InputError
        If there is no row, or ``leave`` is no probability above zero.
    """
    if n_rows < 1 or not 0 < leave <= 1:
        raise InputError(f"{n_rows} rows with leave={leave}; give at least 1 and 0 < leave <= 1.")
    fresh = rng.random(shape) < leave
    fresh[..., 0] = True
    begins = rng.integers(n_rows, size=shape)
    at = np.empty(shape, np.int64)
    for h in range(shape[-1]):
        follow = (at[..., h - 1] + 1) % n_rows if h else begins[..., 0]
        at[..., h] = np.where(fresh[..., h], begins[..., h], follow)
    return at
