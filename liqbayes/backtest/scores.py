"""Scores of draws of reported liquidations, one value a bar.

Everything is scored from draws, so that models and baselines are treated alike. ``scoringrules``
is not called: importing it compiles for many seconds in every process, for one line of arithmetic;
a test holds both together.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
# Added to x before the logarithm: 1e-6 of open interest, so that zeros have a place on the scale.
EPSILON = 1e-6
INTERVAL = 0.90
# Density of log x where fewer than two draws are positive: nothing but the scale of the score.
UNKNOWN_CENTRE, UNKNOWN_WIDTH = float(np.log(EPSILON)), 1.0
# Entries of the (bar, draw, draw) array of a kernel density that are held at once.
CHUNK = 2_000_000


@dataclass(frozen=True, eq=False)
class BarScores:
    """Scores by bar, each of shape (bar,); NaN where the report or the forecast is unknown.

    Attributes
    ----------
    crps_log, crps : ndarray
        Continuous ranked probability score of ``z = log(x + 1e-6)`` and of ``x``; low is good.
    log_score : ndarray
        Minus the log of the predictive mass at zero, or density of ``log x`` elsewhere, in nats.
    interval_score : ndarray
        Winkler score of the central 90 % interval of ``z``.
    coverage50, coverage90 : ndarray
        Chance that the central interval covers the report, where a report inside an atom of the
        forecast counts with the share of the atom that lies inside; otherwise 0 or 1.
    width90 : ndarray
        Width of the 90 % interval of ``z``.
    pit_low, pit_high : ndarray
        Ends of the interval that the probability integral transform is uniform in.
    """

    crps_log: FloatArray
    crps: FloatArray
    log_score: FloatArray
    interval_score: FloatArray
    coverage50: FloatArray
    coverage90: FloatArray
    width90: FloatArray
    pit_low: FloatArray
    pit_high: FloatArray

    def means(self) -> dict[str, float | int]:
        """Mean of each score over known bars, and their number ``n``; NaN where there are none."""
        known = np.isfinite(self.crps_log)
        out: dict[str, float | int] = {
            field.name: float(getattr(self, field.name)[known].mean()) if known.any() else np.nan
            for field in fields(self)
            if not field.name.startswith("pit")
        }
        return out | {"n": int(known.sum())}

    def randomised_pit(self, rng: np.random.Generator) -> FloatArray:
        """Probability integral transform of known bars, uniform if the forecasts are calibrated.

        Randomised within atoms and ranks (Czado, Gneiting and Held 2009, section 2, doi
        10.1111/j.1541-0420.2009.01191.x).
        """
        known = np.isfinite(self.pit_low)
        low, high = self.pit_low[known], self.pit_high[known]
        return np.asarray(low + (high - low) * rng.random(low.size))


def log_ratio(x: FloatArray) -> FloatArray:
    """``log(x + 1e-6)``, the scale of the headline score."""
    return np.asarray(np.log(x + EPSILON))


def score_bars(draws: FloatArray, observed: FloatArray) -> BarScores:
    """Score the forecasts of one side.

    Parameters
    ----------
    draws : ndarray, shape (bar, draw)
        Of reported liquidations over open interest before the bar; NaN throughout a bar that was
        not forecast.
    observed : ndarray, shape (bar,)
        What was reported; NaN where unknown.

    Returns
    -------
    BarScores

    Raises
    ------
    InputError
        If shapes do not match, there are fewer than two draws, a value is negative or infinite, or
        some draws of a bar are NaN and others not.
    """
    draws, observed = np.asarray(draws, float), np.asarray(observed, float)
    if draws.ndim != 2 or observed.shape != draws.shape[:1] or draws.shape[1] < 2:
        raise InputError(
            f"draws have shape {draws.shape} and reports {observed.shape}; give (bar, draw) with "
            "two draws at least, and (bar,)."
        )
    unknown = np.isnan(draws)
    partly = unknown.any(axis=1) & ~unknown.all(axis=1)
    if partly.any():
        raise InputError(
            f"some draws of bars {np.flatnonzero(partly)[:5].tolist()} are NaN; a bar is forecast "
            "whole or not at all."
        )
    for name, values in (("draws", draws), ("reports", observed)):
        if (values < 0).any() or np.isinf(values).any():
            raise InputError(f"{name} hold negative or infinite values; they are shares >= 0.")
    known = ~unknown[:, 0] & np.isfinite(observed)
    ordered, seen = np.sort(draws[known], axis=1), observed[known]
    z, z_seen = log_ratio(ordered), log_ratio(seen)
    tail = (1.0 - INTERVAL) / 2
    low, high = np.quantile(z, [tail, 1.0 - tail], axis=1)
    pit_low, pit_high = _pit(ordered, seen)
    columns = {
        "crps_log": crps_sorted(z, z_seen),
        "crps": crps_sorted(ordered, seen),
        "log_score": hurdle_log_score(ordered, seen),
        "interval_score": interval_score(z_seen, low, high, 1.0 - INTERVAL),
        "coverage50": _covered(pit_low, pit_high, 0.5),
        "coverage90": _covered(pit_low, pit_high, INTERVAL),
        "width90": high - low,
        "pit_low": pit_low,
        "pit_high": pit_high,
    }
    out = {name: np.full(known.shape, np.nan) for name in columns}
    for name, values in columns.items():
        out[name][known] = values
    return BarScores(**out)


def crps_sorted(draws: FloatArray, observed: FloatArray) -> FloatArray:
    """Continuous ranked probability score, unbiased in the number of draws.

    ``mean |x_i - y| - sum_i (2 i - 1 - m) x_(i) / (m (m - 1))`` with ``i = 1 .. m``: the
    probability-weighted moment form (Taillardat et al. 2016, doi 10.1175/MWR-D-15-0260.1).

    Parameters
    ----------
    draws : ndarray, shape (bar, draw)
        In rising order within each bar.
    observed : ndarray, shape (bar,)
    """
    m = draws.shape[1]
    weights = (2.0 * np.arange(1, m + 1) - 1.0 - m) / (m * (m - 1.0))
    return np.asarray(np.abs(draws - observed[:, None]).mean(axis=1) - draws @ weights)


def interval_score(
    observed: FloatArray, low: FloatArray, high: FloatArray, alpha: float
) -> FloatArray:
    """Winkler score of central ``1 - alpha`` intervals.

    Gneiting and Raftery 2007, section 6.2, doi 10.1198/016214506000001437.
    """
    below, above = np.maximum(low - observed, 0.0), np.maximum(observed - high, 0.0)
    return np.asarray(high - low + 2.0 / alpha * (below + above))


def hurdle_log_score(draws: FloatArray, observed: FloatArray) -> FloatArray:
    """Minus the log predictive probability of a zero, or density of ``log x`` of a positive report.

    With ``m`` draws, ``k`` of them zero, the mass at zero is ``(k + 1/2) / (m + 1)``. The density
    of the others is a Gaussian kernel estimate on the log scale with Silverman's bandwidth
    (Krüger, Lerch, Thorarinsdottir and Gneiting 2021, section 3.2, doi 10.1111/insr.12405), mixed
    with one draw's weight of a Cauchy density at the draws' median and quartile range, because a
    Gaussian kernel makes the score of a report beyond all draws a matter of the bandwidth alone.

    Parameters
    ----------
    draws : ndarray, shape (bar, draw)
    observed : ndarray, shape (bar,)
    """
    m = draws.shape[1]
    out = np.empty(observed.size)
    zeros = (draws <= 0).sum(axis=1)
    none = observed <= 0
    out[none] = -np.log((zeros[none] + 0.5) / (m + 1.0))
    rest = np.flatnonzero(~none)
    step = max(CHUNK // m, 1)
    for start in range(0, rest.size, step):
        rows = rest[start : start + step]
        out[rows] = -_log_density(draws[rows], np.log(observed[rows])) - np.log(
            (m - zeros[rows] + 0.5) / (m + 1.0)
        )
    return out


def _log_density(draws: FloatArray, at: FloatArray) -> FloatArray:
    """Log density of ``log x`` among positive draws, shape (bar,)."""
    with np.errstate(divide="ignore"):
        logs = np.where(draws > 0, np.log(draws), np.nan)
    count = np.isfinite(logs).sum(axis=1)
    out = np.empty(at.size)
    few = count < 2
    out[few] = _cauchy(at[few], UNKNOWN_CENTRE, UNKNOWN_WIDTH)
    if few.all():
        return out
    logs, at, n = logs[~few], at[~few], count[~few].astype(float)
    low, centre, high = np.nanquantile(logs, [0.25, 0.5, 0.75], axis=1)
    spread = np.nanstd(logs, axis=1, ddof=1)
    quartiles = (high - low) / 1.349
    width = np.where(quartiles > 0, np.minimum(spread, quartiles), spread)
    width = np.where(width > 0, width, UNKNOWN_WIDTH)
    bandwidth = 0.9 * width * n**-0.2
    distance = (at[:, None] - logs) / bandwidth[:, None]
    kernels = np.where(np.isnan(distance), -np.inf, -0.5 * distance**2)
    smooth = logsumexp(kernels, axis=1) - np.log(n * bandwidth) - 0.5 * np.log(2 * np.pi)
    out[~few] = np.logaddexp(
        smooth + np.log(n / (n + 1.0)), _cauchy(at, centre, width) - np.log(n + 1.0)
    )
    return out


def _cauchy(at: FloatArray, centre: FloatArray | float, width: FloatArray | float) -> FloatArray:
    return np.asarray(-np.log(np.pi * width * (1.0 + ((at - centre) / width) ** 2)))


def _pit(ordered: FloatArray, observed: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ranks among the draws, as the interval in which the transform is uniform.

    Of ``m`` exchangeable draws and a report with ``k`` draws below and ``e`` equal, the report has
    one of the ranks ``k .. k + e`` of ``m + 1``.
    """
    m = ordered.shape[1]
    below = (ordered < observed[:, None]).sum(axis=1)
    up_to = (ordered <= observed[:, None]).sum(axis=1)
    return below / (m + 1.0), (up_to + 1.0) / (m + 1.0)


def _covered(low: FloatArray, high: FloatArray, probability: float) -> FloatArray:
    """Share of the interval from ``low`` to ``high`` inside the central ``probability``."""
    tail = (1.0 - probability) / 2
    inside = np.minimum(high, 1.0 - tail) - np.maximum(low, tail)
    return np.asarray(np.clip(inside, 0.0, None) / (high - low))
