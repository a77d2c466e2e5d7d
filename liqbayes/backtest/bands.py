"""Intervals of ratios of mean scores, by blocks of time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.datetime64]
RESAMPLES = 2000
BLOCK = 24
PROBABILITY = 0.90
# A bootstrap of fewer blocks has too few values to say how they vary.
LEAST_BLOCKS = 10


@dataclass(frozen=True)
class Band:
    """An estimate with its interval; ``low`` and ``high`` are NaN where there is too little data.

    Attributes
    ----------
    low, median, high : float
    n : int
        Scores that it rests on.
    blocks : float
        Independent blocks of time that it rests on.
    """

    low: float
    median: float
    high: float
    n: int
    blocks: float

    def as_list(self) -> list[float]:
        """``[low, median, high]``."""
        return [self.low, self.median, self.high]


def on_one_clock(times: Sequence[TimeArray], values: Sequence[FloatArray]) -> FloatArray:
    """Series of several panels as rows on the union of their times, NaN where a panel has no bar.

    Panels that share a calendar share its shocks, so that a bootstrap must draw the same blocks of
    all of them.

    Parameters
    ----------
    times : sequence of ndarray, each of shape (bar,)
        Bar opens of each panel, evenly spaced by the same step.
    values : sequence of ndarray, each of shape (series, bar)

    Returns
    -------
    ndarray, shape (all series, all bars)

    Raises
    ------
    InputError
        If bars are not on one grid.
    """
    steps = {int(np.diff(t).min() / np.timedelta64(1, "ns")) for t in times if t.size > 1}
    if len(steps) != 1:
        raise InputError(f"the series have bar lengths of {sorted(steps)} ns; one is needed.")
    step = np.timedelta64(steps.pop(), "ns")
    first = min(t[0] for t in times)
    last = max(t[-1] for t in times)
    n = int((last - first) / step) + 1
    rows = []
    for t, each in zip(times, values, strict=True):
        place = (t - first) / step
        if not np.equal(place, np.round(place)).all():
            raise InputError("the series' bars do not lie on one grid; their opens differ.")
        row = np.full((np.atleast_2d(each).shape[0], n), np.nan)
        row[:, np.round(place).astype(int)] = each
        rows.append(row)
    return np.concatenate(rows)


def ratio_band(
    scores: Sequence[FloatArray],
    reference: Sequence[FloatArray],
    *,
    block: int = BLOCK,
    probability: float = PROBABILITY,
    seed: int = 0,
) -> Band:
    """Ratio of mean scores over all bars at which both are known, with an interval.

    Parameters
    ----------
    scores, reference : sequence of ndarray, each of shape (bar,) or (series, bar)
        One array for each group of series on one clock (`on_one_clock`); groups are resampled apart
        and pooled, every known bar counting the same. NaN is left out of both.
    block : int
        Bars of a block, 24 at least.
    probability : float
        Of the interval, equal-tailed.
    seed : int

    Returns
    -------
    Band
        Of numbers below 1 if ``scores`` are better (scores are losses).

    Raises
    ------
    InputError
        For shapes that do not match, a block shorter than 24 bars, or no bar known to both.

    Notes
    -----
    Circular block bootstrap (Politis and Romano 1992, in LePage and Billard, Exploring the Limits
    of Bootstrap): the standard error of the log ratio under resampled blocks, with Student's t on
    one degree of freedom less than there are blocks, because few blocks know their own spread badly
    (percentiles of a dozen blocks cover too seldom).
    """
    return _band(scores, reference, block, probability, seed)


def mean_band(
    values: Sequence[FloatArray],
    *,
    block: int = BLOCK,
    probability: float = PROBABILITY,
    seed: int = 0,
) -> Band:
    """Mean over all known bars, such as a coverage, with its interval; else as `ratio_band`."""
    return _band(values, None, block, probability, seed)


def _band(
    scores: Sequence[FloatArray],
    reference: Sequence[FloatArray] | None,
    block: int,
    probability: float,
    seed: int,
) -> Band:
    if block < BLOCK:
        raise InputError(f"blocks of {block} bars are asked for; {BLOCK} is the least.")
    if reference is not None and len(scores) != len(reference):
        raise InputError(f"{len(scores)} groups of scores, {len(reference)} of the reference.")
    rng = np.random.default_rng(seed)
    total, drawn = np.zeros(3), np.zeros((RESAMPLES, 3))
    blocks = 0.0
    for i, raw in enumerate(scores):
        ours = np.atleast_2d(np.asarray(raw, float))
        theirs = np.ones_like(ours)
        if reference is not None:
            theirs = np.atleast_2d(np.asarray(reference[i], float))
        if ours.shape != theirs.shape:
            raise InputError(f"scores have shape {ours.shape}, the reference {theirs.shape}.")
        known = np.isfinite(ours) & np.isfinite(theirs)
        terms = np.stack(
            [np.where(known, ours, 0.0), np.where(known, theirs, 0.0), known.astype(float)]
        ).sum(axis=1)
        seen = np.flatnonzero(terms[2] > 0)
        if not seen.size:
            continue
        terms = terms[:, seen[0] : seen[-1] + 1]
        total += terms.sum(axis=1)
        blocks += seen.size / block
        drawn += _resampled_sums(terms, block, rng)
    n = int(total[2])
    if n == 0:
        raise InputError("no bar has a known score; there is nothing to compare.")
    if reference is None:
        value, varied = total[0] / n, drawn[:, 0] / np.maximum(drawn[:, 2], 1.0)
    else:
        if not (total[:2] > 0).all():
            raise InputError("mean scores must be positive for a ratio; compare losses.")
        value = np.log(total[0] / total[1])
        varied = np.log(np.maximum(drawn[:, 0], 1e-300) / np.maximum(drawn[:, 1], 1e-300))
    low = high = np.nan
    if blocks >= LEAST_BLOCKS:
        wide = float(stats.t.ppf(0.5 + probability / 2, blocks - 1.0)) * float(varied.std(ddof=1))
        low, high = value - wide, value + wide
    ends = [low, value, high] if reference is None else list(np.exp([low, value, high]))
    return Band(float(ends[0]), float(ends[1]), float(ends[2]), n, float(blocks))


def _resampled_sums(terms: FloatArray, block: int, rng: np.random.Generator) -> FloatArray:
    """Sums of the rows over circular blocks drawn with replacement, shape (resample, row)."""
    n = terms.shape[1]
    length = min(block, n)
    running = np.concatenate([np.zeros((len(terms), 1)), np.cumsum(np.tile(terms, 2), axis=1)], 1)
    whole, rest = divmod(n, length)
    lengths = np.append(np.full(whole, length), [rest] if rest else []).astype(int)
    starts = rng.integers(n, size=(RESAMPLES, lengths.size))
    sums = (running[:, starts + lengths] - running[:, starts]).sum(axis=2).T
    centre = terms.sum(axis=1)
    # blocks vary around the mean of all of them, which takes a share of block / n of the variance
    return np.asarray(centre + (sums - centre) * np.sqrt(n / max(n - length, 1)))
