"""Whether ΔL of a window leads the next window's return, or follows the return before it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, t

from liqbayes.events.definitions import (
    ALPHA,
    DELTA_LEADS,
    LEAST_BLOCKS,
    POWER,
    PROBABILITY,
    RETURN_LEADS,
)
from liqbayes.events.evidence import Evidence
from liqbayes.events.inference import Estimate, block_bars, few_blocks, nothing

FloatArray = NDArray[np.float64]
DIRECTIONS = (DELTA_LEADS, RETURN_LEADS)


@dataclass(frozen=True)
class Lead:
    """A lagged relation and its null.

    Attributes
    ----------
    estimate : Estimate
        Partial rank correlation, mean over draws; its error is the spread over shifts.
    p : float
        Two-sided: the larger of the share of shifts with a larger correlation and of Student's t
        test of the correlation over its spread over shifts.
    raw : float
        Rank correlation without regard to the window's own return.
    own : float
        Rank correlation of ΔL with the return of the same window, mechanical.
    null_spread : float
        Standard deviation of the partial correlation over shifts.
    """

    estimate: Estimate
    p: float
    raw: float
    own: float
    null_spread: float

    def detectable(self, alpha: float = ALPHA, power: float = POWER) -> float:
        """Correlation that a two-sided test finds with that probability, about."""
        degrees = self.estimate.blocks - 1.0
        return float((t.ppf(1.0 - alpha / 2, degrees) + t.ppf(power, degrees)) * self.null_spread)


def lead(evidence: Evidence, window_bars: int, direction: str) -> Lead:
    """Relate ΔL of windows with the return before or after.

    Windows end at every bar. Rank correlation given the return of the window itself (both ranks
    are taken about a cubic in its rank), because liquidations follow moves mechanically and returns
    may be autocorrelated. The null shifts ΔL against returns by every number of bars from a block
    on, around the end, which keeps the autocorrelation of both.

    Parameters
    ----------
    evidence : Evidence
    window_bars : int
    direction : {"ΔL leads returns", "returns lead ΔL"}
    """
    delta = evidence.flow[:, 0] - evidence.flow[:, 1]
    n = evidence.n_bars
    total = np.full(delta.shape, np.nan)
    if n >= window_bars:
        windows = np.lib.stride_tricks.sliding_window_view(delta, window_bars, axis=1)
        total[:, window_bars - 1 :] = windows.sum(axis=-1)
    own = evidence.back(window_bars)
    if direction == DELTA_LEADS:
        other = evidence.ahead(window_bars)
    else:
        other = np.full(n, np.nan)
        other[window_bars:] = own[:-window_bars]
    usable = np.isfinite(total).all(axis=0) & np.isfinite(own + other)
    block = block_bars(window_bars, evidence.bar_hours)
    count = int(usable.sum())
    if count < LEAST_BLOCKS * block:
        return Lead(nothing(few_blocks(count, block), count), np.nan, np.nan, np.nan, np.nan)
    ranks = rankdata(total[:, usable], axis=1)
    returns, own_ranks = rankdata(other[usable]), rankdata(own[usable])
    basis = np.linalg.qr(np.vander((own_ranks - own_ranks.mean()) / own_ranks.std(), 4))[0]
    a = ranks - ranks @ basis @ basis.T
    b = returns - basis @ (basis.T @ returns)
    if not (np.ptp(ranks, axis=1) > 0).all() or not np.ptp(returns) > 0:
        return Lead(nothing("nothing varies", count), np.nan, np.nan, np.nan, np.nan)
    values, shifted = _correlations(a, b, basis)
    value = float(values.mean())
    null = shifted.mean(axis=0)[block : count - block + 1]
    # rounding must not make a value differ from itself
    by_shifts = (1.0 + int((np.abs(null) >= abs(value) - 1e-12).sum())) / (1.0 + null.size)
    spread = float(np.sqrt(np.mean(null**2)))
    # neighbouring shifts are much the same, so that the tail of the shifts is thinner than it looks
    p = max(by_shifts, 2.0 * float(t.sf(abs(value) / spread, count / block - 1.0)))
    between = float(values.var(ddof=1)) if values.size > 1 else 0.0
    own_spread = float(np.sqrt(np.mean(shifted[:, block : count - block + 1] ** 2)))
    return Lead(
        Correlation(
            value,
            float(np.hypot(spread, np.sqrt(between / values.size))),
            float(np.hypot(own_spread, np.sqrt(between))),
            count / block,
            count,
        ),
        p,
        float((_standard(ranks) @ _standard(returns)).mean() / count),
        float((_standard(ranks) @ _standard(own_ranks)).mean() / count),
        spread,
    )


@dataclass(frozen=True)
class Correlation(Estimate):
    """A correlation; its interval is symmetric in the inverse hyperbolic tangent (Fisher 1921)."""

    def interval(
        self, probability: float = PROBABILITY, *, total: bool = False
    ) -> tuple[float, float]:
        """Equal-tailed."""
        middle = float(np.arctanh(self.value))
        low, high = replace(self, value=0.0)._symmetric(probability, total=total)
        return float(np.tanh(middle + low)), float(np.tanh(middle + high))

    def _symmetric(self, probability: float, *, total: bool) -> tuple[float, float]:
        return super().interval(probability, total=total)


def _correlations(a: FloatArray, b: FloatArray, basis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Partial correlations of residuals, and what they are with ``a`` moved on.

    A moved series is made free of the basis again, as the true one is: else the null would be
    narrower than the statistic's own spread (Freedman and Lane 1983, doi
    10.1080/07350015.1983.10509354).

    Parameters
    ----------
    a : ndarray, shape (draw, place)
    b : ndarray, shape (place,)
    basis : ndarray, shape (place, column)
        Orthonormal; ``a`` and ``b`` are free of it.

    Returns
    -------
    values : ndarray, shape (draw,)
    shifted : ndarray, shape (draw, place)
        With ``a`` moved on by 0, 1, ... places around the end.
    """
    n = b.size
    moved = np.conj(np.fft.rfft(a, axis=1))
    product = np.fft.irfft(moved * np.fft.rfft(b), n=n, axis=1)
    taken = np.zeros_like(product)
    for column in basis.T:
        taken += np.fft.irfft(moved * np.fft.rfft(column), n=n, axis=1) ** 2
    left = np.maximum((a**2).sum(axis=1, keepdims=True) - taken, 1e-12)
    out = product / np.sqrt(left * (b**2).sum())
    return out[:, 0], out


def _standard(values: FloatArray) -> FloatArray:
    centred = values - values.mean(axis=-1, keepdims=True)
    spread = centred.std(axis=-1, keepdims=True)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))
