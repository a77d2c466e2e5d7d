"""Small robust regressions used to inspect a panel."""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Estimate(NamedTuple):
    """A figure with its standard error and the number of bars it rests on."""

    value: float
    error: float
    n: int


def neighbours(x: Array) -> Array:
    """Columns: the bar before, the bar, the bar after; NaN beyond the ends. Shape (n, 3)."""
    nan = np.array([np.nan])
    return np.column_stack((np.concatenate((nan, x[:-1])), x, np.concatenate((x[1:], nan))))


def log_changes(x: Array) -> Array:
    """Change of log x from the bar before; NaN at the first bar and beside unknown values."""
    changes = np.full(len(x), np.nan)
    changes[1:] = np.diff(np.log(x))
    return changes


def least_squares(
    y: Array, x: Array, *, least: int, clip: float = 0.01
) -> tuple[Array, Array, int] | None:
    """Slopes of y on the columns of x with heteroskedasticity-robust covariance (White, HC0).

    The share `clip` of y at each end is clipped, so that single crashes do not decide.

    Parameters
    ----------
    y : (n,) array
    x : (n, k) array
    least : int
        Complete rows needed; with fewer, or without variation in x, the answer is None.
    clip : float
        Share of y clipped at each end; 0 where y must follow x exactly.

    Returns
    -------
    slopes : (k,) array
    covariance : (k, k) array
    n : int
        Complete rows.
    """
    rows = np.isfinite(y) & np.isfinite(x).all(axis=1)
    n = int(rows.sum())
    if n < max(least, x.shape[1] + 2):
        return None
    low, high = np.quantile(y[rows], [clip, 1 - clip])
    target = np.clip(y[rows], low, high)
    design = np.column_stack((np.ones(n), x[rows]))
    spread = design[:, 1:].std(axis=0)
    if not (spread > 0).all():
        return None
    scale = np.concatenate(([1.0], spread))
    scaled = design / scale
    gram = scaled.T @ scaled
    if np.linalg.cond(gram) > 1e10:
        return None
    inverse = np.linalg.inv(gram)
    slopes = inverse @ scaled.T @ target
    residual = target - scaled @ slopes
    meat = (scaled * residual[:, None] ** 2).T @ scaled
    covariance = inverse @ meat @ inverse / np.outer(scale, scale)
    return (slopes / scale)[1:], covariance[1:, 1:], n


def slope_on_return(open_interest: Array, close: Array, *, least: int = 60) -> Estimate | None:
    """Slope of Δlog open interest on the returns of the bar, the one before and the one after.

    The three slopes are added, because a stamp in mid-bar spreads the effect over two bars. Open
    interest of an inverse contract that is given in coins has its USD value divided by price, so
    its slope is lower by 1; that of a linear contract given in quote units higher by 1.
    """
    fit = least_squares(log_changes(open_interest), neighbours(log_changes(close)), least=least)
    if fit is None:
        return None
    slopes, covariance, n = fit
    return Estimate(float(slopes.sum()), float(np.sqrt(max(covariance.sum(), 0.0))), n)


def offset_by_activity(
    open_interest: Array, high: Array, low: Array, bar_seconds: int, *, least: int = 300
) -> Estimate | None:
    """Stamp of open interest relative to bar close, in seconds, from when it moves.

    |Δlog open interest| between two readings is regressed on the range of the bar, the one before
    and the one after. Read at bar close, only the bar itself counts; read in mid-bar, the bar
    before counts as much; read late, the bar after does.
    """
    moves = np.abs(log_changes(open_interest))
    ranges = np.log(high / low)
    known = np.isfinite(moves) & np.isfinite(ranges)
    if not known.any() or ranges[known].mean() <= 0 or moves[known].mean() <= 0:
        return None
    moves, ranges = moves / moves[known].mean(), ranges / ranges[known].mean()
    fit = least_squares(moves, neighbours(ranges), least=least)
    if fit is None:
        return None
    slopes, covariance, n = fit
    weights = np.clip(slopes, 0.0, None)
    total = weights.sum()
    # Without a clear response to the ranges there is nothing to locate.
    if total < 4 * np.sqrt(max(covariance.sum(), 0.0)) or total <= 0:
        return None
    share = (weights[2] - weights[0]) / total
    gradient = (np.array([-1.0, 0.0, 1.0]) - share) / total
    error = float(np.sqrt(max(gradient @ covariance @ gradient, 0.0)))
    return Estimate(share * bar_seconds, error * bar_seconds, n)


def offset_by_price(
    base: Array, quote: Array, opens: Array, close: Array, bar_seconds: int, *, least: int = 30
) -> Estimate | None:
    """Stamp of open interest relative to bar close, in seconds, from the price it was valued at.

    Where a venue gives open interest in base and quote units, their ratio is the price at the
    instant of reading. Its position between open and close is the slope of log(ratio/open) on
    log(close/open). None if the ratio is exactly the close, or exactly a mean of open and close:
    it was then computed by whoever made the table, not observed.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        price = np.log(quote / base)
    start, end = np.log(opens), np.log(close)
    apart = np.abs(price - end)
    known = np.isfinite(apart)
    if known.sum() < least or np.median(apart[known]) < 1e-8:
        return None
    # Clipping one side of a line through large moves would flatten it.
    fit = least_squares((price - start)[known], (end - start)[known, None], least=least, clip=0.0)
    if fit is None:
        return None
    slopes, covariance, n = fit
    path = (end - start)[known]
    if np.std((price - start)[known] - slopes[0] * path) < 0.01 * np.std(path):
        return None
    share = float(np.clip(slopes[0], -1.0, 2.0)) - 1.0
    return Estimate(share * bar_seconds, float(np.sqrt(covariance[0, 0])) * bar_seconds, n)
