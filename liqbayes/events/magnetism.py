"""Whether a dense level is reached more often than distance and volatility say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from liqbayes.events.definitions import BAND_MIDDLES, LEAST_OUTCOMES, MAP, MIRRORED, PAST_HOURS
from liqbayes.events.evidence import SIGN, Evidence
from liqbayes.events.inference import Estimate, block_bars, combined, nothing

FloatArray = NDArray[np.float64]
_STEPS, _TOLERANCE = 50, 1e-9


@dataclass(frozen=True, eq=False)
class Reach:
    """Levels at set distances, and whether price came there within a horizon.

    Attributes
    ----------
    bar : ndarray of int, shape (row,)
        Bar whose close a level lies beyond.
    side, band : ndarray of int, shape (row,)
    reached : ndarray, shape (row,)
        1 or 0.
    controls : ndarray, shape (row, control)
        An indicator of each side and band, which is a set distance in volatilities; log volatility
        and its product with distance, and the slower one; return against the side over the
        horizon and over a day, in volatilities; and whether price was at the level within the last
        day.
    """

    bar: NDArray[np.int64]
    side: NDArray[np.int64]
    band: NDArray[np.int64]
    reached: FloatArray
    controls: FloatArray


def reach(evidence: Evidence, horizon_bars: int, known: NDArray[np.bool_]) -> Reach:
    """Rows of the regression at one horizon, of the bars that a map is known of."""
    sigma, close, n = evidence.volatility, evidence.close, evidence.n_bars
    day = max(round(PAST_HOURS / evidence.bar_hours), 1)
    root = np.sqrt(float(horizon_bars))
    ends = np.full((2, n), np.nan), np.full((2, n), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view
    for j, values in enumerate((np.log(evidence.low), np.log(evidence.high))):
        against = SIGN[j] * values
        if n > horizon_bars:
            ahead = windows(against[1:], horizon_bars).max(axis=1)
            ends[0][j, : ahead.size] = ahead - SIGN[j] * np.log(close[: ahead.size])
        if n >= day:
            past = windows(against, day).max(axis=1)
            ends[1][j, day - 1 :] = past - SIGN[j] * np.log(close[day - 1 :])
    momentum = [
        SIGN[:, None] * evidence.back(bars) / (sigma * np.sqrt(float(bars)))
        for bars in (horizon_bars, day)
    ]
    distance = np.array(BAND_MIDDLES)
    shape = (2, n, distance.size)
    level = np.broadcast_to((sigma * root)[None, :, None] * distance, shape)
    with np.errstate(invalid="ignore"):
        reached = np.where(np.isfinite(ends[0][..., None]), ends[0][..., None] >= level, np.nan)
        visited = np.where(np.isfinite(ends[1][..., None]), ends[1][..., None] >= level, np.nan)
    log_sigma = np.broadcast_to(np.log(sigma)[None, :, None], shape)
    slow = np.broadcast_to(np.log(evidence.slow_volatility)[None, :, None], shape)
    columns = [log_sigma, log_sigma * distance, slow]
    columns += [np.broadcast_to(m[..., None], shape) for m in momentum]
    columns.append(visited)
    usable = known[None, :, None] & np.isfinite(reached + sum(columns))
    side, bar, band = np.nonzero(usable)
    values = np.stack([c[usable] for c in columns], axis=1)
    values -= values.mean(axis=0) if len(values) else 0.0
    y = reached[usable]
    cell = side * distance.size + band
    kept, indicators = np.zeros(y.size, bool), []
    for c in range(2 * distance.size):
        own = cell == c
        if min(y[own].sum(), own.sum() - y[own].sum()) >= LEAST_OUTCOMES:
            kept |= own
            indicators.append(own.astype(float))
    controls = np.column_stack([*indicators, values])[kept]
    return Reach(bar[kept], side[kept], band[kept], y[kept], controls)


@dataclass(frozen=True, eq=False)
class Slopes:
    """Coefficients of log density under each draw.

    Attributes
    ----------
    value : ndarray, shape (draw,)
        Log odds per doubling of density.
    influence : ndarray, shape (draw, time)
        Summed within bars.
    probability : ndarray, shape (draw,)
        Mean change of the probability of reach per doubling.
    """

    value: FloatArray
    influence: FloatArray
    probability: FloatArray


def slopes(rows: Reach, log_density: NDArray[np.float32], n_bars: int) -> Slopes:
    """Logistic regression of reach on log density beside the controls, for each draw.

    Parameters
    ----------
    rows : Reach
    log_density : ndarray, shape (draw, side, time, band)
        At the horizon of the rows.
    n_bars : int
    """
    start = np.zeros(rows.controls.shape[1])
    start = np.nan_to_num(logistic(rows.controls, rows.reached, start)[0])
    unit = np.log(2.0)
    values, influence, change = [], [], []
    for draw in log_density:
        x = draw[rows.side, rows.bar, rows.band].astype(float) / unit
        design = np.column_stack([rows.controls, x - x.mean()])
        beta, p, scores = logistic(design, rows.reached, np.append(start, 0.0))
        values.append(beta[-1])
        influence.append(np.bincount(rows.bar, scores[:, -1], minlength=n_bars))
        change.append(float((p * (1.0 - p)).mean() * beta[-1]))
    return Slopes(np.array(values), np.array(influence), np.array(change))


def logistic(
    design: FloatArray, outcome: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Maximum likelihood by Newton's method.

    Returns
    -------
    coefficients : ndarray, shape (column,)
        NaN if it does not converge, as where an outcome is separated.
    fitted : ndarray, shape (row,)
    influence : ndarray, shape (row, column)
        Contribution of each row to the coefficients' deviation.
    """
    beta = start.copy()
    inverse = np.full((beta.size, beta.size), np.nan)
    for _ in range(_STEPS):
        p = expit(design @ beta)
        inverse = np.linalg.pinv((design * (p * (1.0 - p))[:, None]).T @ design)
        step = inverse @ (design.T @ (outcome - p))
        if not np.isfinite(step).all():
            break
        # a long step overshoots where probabilities are near 0 or 1
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 2.0)
        if np.abs(step).max() < _TOLERANCE:
            p = expit(design @ beta)
            return beta, p, (design * (outcome - p)[:, None]) @ inverse
    return np.full(beta.size, np.nan), p, np.full(design.shape, np.nan)


def attraction(
    evidence: Evidence, horizon_bars: int, *, name: str = MAP, beside: str = MAP
) -> tuple[Estimate, float, Slopes | None]:
    """Effect of a doubling of density on the log odds of reach.

    Parameters
    ----------
    evidence : Evidence
    horizon_bars : int
    name : str
        A map of the evidence, or "sides-mirrored": the density of the other side at the same
        distance.
    beside : str
        A map of the evidence, of which bars must be known too.

    Returns
    -------
    Estimate
    probability : float
        Mean change of the probability of reach per doubling of density.
    Slopes or None
        Under each draw.
    """
    source = MAP if name == MIRRORED else name
    densities = evidence.log_density[source][..., evidence.spans.index(horizon_bars), :]
    if name == MIRRORED:
        densities = densities[:, ::-1]
    known = evidence.known(source) & evidence.known(beside)
    span = np.flatnonzero(known)
    if not span.size:
        return nothing("no bar has a map"), np.nan, None
    rows = reach(evidence, horizon_bars, known)
    if not rows.bar.size:
        return nothing("no distance was both reached and missed often enough"), np.nan, None
    found = slopes(rows, densities, evidence.n_bars)
    window = slice(span[0], span[-1] + 1)
    estimate = combined(
        found.value,
        found.influence[:, window],
        block=block_bars(horizon_bars, evidence.bar_hours),
        studied=window.stop - window.start,
        n=rows.bar.size,
    )
    return estimate, float(found.probability.mean()), found
