"""Leave-future-out scores of windows of bars from draws that are reweighted between refits.

``arviz_stats.lfo_cv`` (ArviZ 1.3) is not called, because it takes one likelihood term a time point
and returns no weights: our bars have several channels that are scored apart under the weights of
all of them; and it goes through a panel in one call, which could not be resumed. Its Pareto
smoothing is used, and a test holds both together where both apply.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from scipy.special import logsumexp

FloatArray = NDArray[np.float64]
# Largest Pareto k of usable weights (Vehtari et al. 2024, jmlr.org/papers/v25/19-556.html).
K_LIMIT = 0.7


@dataclass(frozen=True)
class Refit:
    """Draws given the bars before an origin, and what they say of all later bars.

    Attributes
    ----------
    origin : int
        First bar that the draws know nothing of.
    total : ndarray, shape (draw, bar)
        Log likelihood of each bar from the origin on as the posterior uses it, 0 where nothing is
        observed.
    channels : mapping of str to ndarray, shape (draw, bar)
        Log density of what each channel observes in these bars.
    r_eff : float
        Effective draws over draws.
    about : mapping
        Diagnostics, plain JSON values.
    """

    origin: int
    total: FloatArray
    channels: Mapping[str, FloatArray]
    r_eff: float
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """Scores of consecutive windows.

    Attributes
    ----------
    elpd : mapping of str to ndarray, shape (bar,)
        By channel and bar from the first window's first on; over a window they sum to the log
        predictive density of its bars together.
    mcse : mapping of str to float
        Monte Carlo standard error of each channel's sum.
    k : tuple of float or None
        Pareto k of the weights at each window's origin; None where draws were not reweighted.
    refits : tuple of Refit
        All fits, the first at the first origin.
    """

    elpd: dict[str, FloatArray]
    mcse: dict[str, float]
    k: tuple[float | None, ...]
    refits: tuple[Refit, ...]


def k_limit(n_draws: int) -> float:
    """Largest Pareto k at which so many draws suffice: ``min(1 - 1 / log10 S, 0.7)``.

    Vehtari et al. 2024, section 3.2.4.
    """
    return min(1.0 - 1.0 / float(np.log10(n_draws)), K_LIMIT)


def smoothed_weights(log_ratios: FloatArray, r_eff: float) -> tuple[FloatArray, float | None]:
    """Normalised log weights of draws and their Pareto k.

    Parameters
    ----------
    log_ratios : ndarray, shape (draw,)
        Log likelihood of what was observed since the draws were made.
    r_eff : float

    Returns
    -------
    log_weights : ndarray, shape (draw,)
    k : float or None
        None where nothing was observed, so that all weights are equal; infinite where no weights
        can be had.
    """
    even = np.full(log_ratios.size, -np.log(log_ratios.size))
    if not np.isfinite(log_ratios).all():
        return even, np.inf
    if np.ptp(log_ratios) < 1e-12:
        return even, None
    log_weights, k = array_stats.psislw(-log_ratios, r_eff=r_eff)  # type: ignore[no-untyped-call]
    if not (np.isfinite(k) and np.isfinite(log_weights).all()):
        return even, np.inf
    return np.asarray(log_weights - logsumexp(log_weights)), float(k)


def score_windows(windows: Sequence[tuple[int, int]], fit_at: Callable[[int], Refit]) -> Scores:
    """Score consecutive windows of bars, each given all bars before it.

    At a window's origin ``n`` the score of its bars up to ``m`` is ``log sum_s w_s
    exp(sum_{n <= t < m} l_st)`` with weights ``w_s`` proportional to the likelihood of the bars
    since the last fit, Pareto smoothed (Bürkner, Gabry and Vehtari 2020, section 2, doi
    10.1080/00949655.2020.1783262). The model is fitted at the first origin, and again wherever the
    weights' Pareto k exceeds ``k_limit``. Differences along ``m`` give each bar its share: by the
    chain rule, its log density given all bars before it.

    Parameters
    ----------
    windows : sequence of (int, int)
        Half-open ranges of bars; each begins where the one before it ends.
    fit_at : callable
        Fits the bars before an origin.

    Returns
    -------
    Scores
    """
    refit = fit_at(windows[0][0])
    refits, ks = [refit], []
    elpd: dict[str, list[FloatArray]] = {name: [] for name in refit.channels}
    variance = dict.fromkeys(refit.channels, 0.0)
    influence = _still(refit)
    for start, stop in windows:
        log_weights, k = smoothed_weights(
            refit.total[:, : start - refit.origin].sum(axis=1), refit.r_eff
        )
        if k is not None and k > k_limit(log_weights.size):
            _add_variance(variance, influence, refit)
            refit = fit_at(start)
            refits.append(refit)
            influence = _still(refit)
            log_weights, k = smoothed_weights(np.zeros(refit.total.shape[0]), refit.r_eff)
        ks.append(k)
        for name, terms in refit.channels.items():
            window = terms[:, start - refit.origin : stop - refit.origin]
            reached = log_weights[:, None] + np.cumsum(window, axis=1)
            level = logsumexp(reached, axis=0)
            elpd[name].append(np.diff(level, prepend=0.0))
            influence[name] += np.exp(reached[:, -1] - level[-1]) - np.exp(log_weights)
    _add_variance(variance, influence, refit)
    return Scores(
        elpd={name: np.concatenate(parts) for name, parts in elpd.items()},
        mcse={name: float(np.sqrt(v)) for name, v in variance.items()},
        k=tuple(ks),
        refits=tuple(refits),
    )


def _still(refit: Refit) -> dict[str, FloatArray]:
    return {name: np.zeros(len(terms)) for name, terms in refit.channels.items()}


def _add_variance(
    variance: dict[str, float], influence: Mapping[str, FloatArray], refit: Refit
) -> None:
    """Monte Carlo variance of all windows that one fit has served (delta method).

    The windows share draws, so that their errors are added draw by draw before they are squared.
    """
    for name, each in influence.items():
        variance[name] += float((each**2).sum()) / min(1.0, refit.r_eff)
