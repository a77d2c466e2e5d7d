"""One-step predictions of every bar by a fit's draws: the state filtered, the parameters fixed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr
from scipy.stats import t as student

from liqbayes.engine.reports import report_moments
from liqbayes.model.data import SIDES
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.inputs import DEGREES_OF_FREEDOM, report_inputs
from liqbayes.monitor.limits import VALUES_A_DRAW
from liqbayes.monitor.scores import crps

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Reports are scored on the log scale of their share of open interest, on which zeros have a place.
REPORT_FLOOR = 1e-6
INTEREST, REPORTS = "open interest", "reports, {}"


@dataclass(frozen=True)
class Predicted:
    """What a fit said of the observed bars of one channel, a bar ahead.

    Attributes
    ----------
    name : str
        ``open interest`` (with the leg's name where there are two) or ``reports, SIDE``.
    bars : ndarray of int64, shape (observed,)
        Bars with a value, counted with the history.
    value : ndarray, shape (observed,)
        Log change of open interest, or log of reports over open interest plus 1e-6.
    pit : ndarray, shape (observed,)
        Predictive distribution function at the value, over all draws; at a report of zero drawn
        uniformly below the chance of zero.
    score : ndarray, shape (observed,)
        Continuous ranked probability score, in the unit of ``value``.
    level : ndarray, shape (observed,)
        Of reports, log of the value over what the map expects, without the slow residual that
        follows earlier reports; NaN where nothing was reported, and for open interest.
    log_silence : ndarray, shape (draw, observed)
        Log chance that nothing is reported; empty for open interest.
    """

    name: str
    bars: IntArray
    value: FloatArray
    pit: FloatArray
    score: FloatArray
    level: FloatArray
    log_silence: FloatArray

    def silence(self, at: IntArray) -> float:
        """Log chance, over all draws, that none of these observed bars reports anything."""
        total = self.log_silence[:, at].sum(axis=1)
        return float(logsumexp(total) - np.log(total.size))


def predict(evaluator: Evaluator, z: FloatArray, seed: int) -> tuple[Predicted, ...]:
    """Predict every observed bar from the bars before it.

    The predictive law is the equal mixture over draws: of Student t laws of the log change of open
    interest, and of log-normal laws with a mass at zero of the reports (see
    ``engine.interest`` and ``engine.reports``). The value of a bar enters nothing but the
    predictions of later bars.

    Parameters
    ----------
    evaluator : Evaluator
    z : ndarray, shape (draw, parameter)
    seed : int
        Of the values that scores are computed from, and of PIT values at zero.
    """
    data = evaluator.data
    rng = np.random.default_rng([seed, 22])
    moments: list[list[FloatArray]] = [[] for _ in data.legs]
    reports: list[tuple[FloatArray, ...]] = []
    inputs = report_inputs(evaluator.layout, data) if data.feeds else ()
    for row in z:
        p = evaluator.natural(np.ascontiguousarray(row))
        runs = evaluator.books(p, evaluator.shares(p))
        for i in range(len(data.legs)):
            moments[i].append(np.stack(evaluator.interest_moments(p, runs, i)))
        if data.feeds:
            found = report_moments(p, evaluator.expected_common(p, runs), *inputs)
            reports.append((found[0], found[1], found[2], found[5]))
    out = []
    for leg, own in zip(data.legs, moments, strict=True):
        name = INTEREST if len(data.legs) == 1 else f"{INTEREST}, {leg.name}"
        value = np.log(leg.interest[leg.term_to] / leg.interest[leg.term_from])
        out.append(_interest(name, leg.term_to, value, np.stack(own, axis=1), rng))
    before = data.common_before()
    for j, side in enumerate(SIDES if data.feeds else ()):
        bars = data.feeds[side].bars
        share = data.feeds[side].reported[bars] / before[bars]
        own = [np.stack([each[i][j, bars] for each in reports]) for i in range(4)]
        out.append(_reports(REPORTS.format(side), bars, share, own, rng))
    return tuple(out)


def _interest(
    name: str, bars: IntArray, value: FloatArray, moments: FloatArray, rng: np.random.Generator
) -> Predicted:
    location, scale = moments
    pit = student.cdf((value - location) / scale, DEGREES_OF_FREEDOM).mean(axis=0)
    noise = rng.standard_t(DEGREES_OF_FREEDOM, (VALUES_A_DRAW, *location.shape))
    drawn = (location + scale * noise).reshape(-1, value.size)
    return Predicted(
        name=name,
        bars=bars,
        value=value,
        pit=pit,
        score=crps(drawn, value),
        level=np.full(value.size, np.nan),
        log_silence=np.empty((0, value.size)),
    )


def _reports(
    name: str,
    bars: IntArray,
    share: FloatArray,
    moments: list[FloatArray],
    rng: np.random.Generator,
) -> Predicted:
    location, scale, log_zero, slow = moments
    some = share > 0
    log_share = np.log(np.where(some, share, 1.0))
    zero = np.exp(log_zero)
    below = zero + (1.0 - zero) * ndtr((log_share - location) / scale)
    pit = np.where(some, below.mean(axis=0), rng.random(share.size) * zero.mean(axis=0))
    # the location holds the slow residual; without it the level of reports is that of the map
    level = np.where(some, log_share - (location - slow).mean(axis=0), np.nan)
    shape = (VALUES_A_DRAW, *location.shape)
    drawn = np.where(
        rng.random(shape) < zero, 0.0, np.exp(location + scale * rng.standard_normal(shape))
    ).reshape(-1, share.size)
    value = np.log(share + REPORT_FLOOR)
    return Predicted(
        name=name,
        bars=bars,
        value=value,
        pit=np.asarray(pit, float),
        score=crps(np.log(drawn + REPORT_FLOOR), value),
        level=np.asarray(level, float),
        log_silence=log_zero,
    )
