"""Data drawn from a model: open interest and reports, given price, volume and parameters."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from liqbayes.engine.generate import TURNOVER, VOLUME, draw_interest
from liqbayes.errors import InputError, SamplingError
from liqbayes.model.data import SIDES, USUAL_TURNOVER_PER_DAY, ModelData
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.inputs import DEGREES_OF_FREEDOM

FloatArray = NDArray[np.float64]


HOLD = ("volume", "turnover")


def draw_data(
    evaluator: Evaluator, z: FloatArray, rng: np.random.Generator, *, hold: str = "volume"
) -> ModelData:
    """Draw open interest and, where there is one, the feed of a panel.

    The bars' price, volume and funding are kept. Changes of open interest and reports are drawn in
    the order in which the likelihood factors: each from its one-step law given all before it. Bars
    that are not scored keep their change of open interest, and their reports are left unknown:
    drawn, they would depend on the parameters, and a posterior that does not score them would not
    be the posterior of these data.

    Parameters
    ----------
    evaluator : Evaluator
        Specification and data of the panel whose price and volume are kept.
    z : ndarray, shape (parameter,)
        Standard normal coordinates of the parameters.
    rng : numpy.random.Generator
    hold : {"volume", "turnover"}
        What is given of each bar's trading: its volume, or its volume over the open interest
        before it. Drawn open interest has nothing to return to. Over years it drifts by orders of
        magnitude, and a fixed volume would in time be too much or too little for any market; with
        a fixed turnover the law knows no scale. One-step laws are the same.

    Returns
    -------
    ModelData

    Raises
    ------
    InputError
        If ``hold`` is none of these, or the market has two legs, or its volume is another venue's:
        then volume is no given quantity of the leg; or if open interest has gaps.
    SamplingError
        If the drawn open interest dies out or explodes.
    """
    if hold not in HOLD:
        raise InputError(f"hold is {hold!r}; use one of {', '.join(HOLD)}.")
    data = evaluator.data
    if len(data.legs) != 1 or data.proxy_volume:
        raise InputError("data can be drawn for one contract with its own volume only.")
    if data.bridged.any():
        raise InputError(
            f"open interest is unknown in {int(data.bridged.sum())} bars; data can be drawn where "
            "it is known in all of them."
        )
    (leg,) = data.legs
    p = evaluator.natural(z)
    shares = evaluator.shares(p)
    (
        where,
        class_where,
        days,
        turnover,
        given,
        start,
        block,
        walk,
        step,
        *touches,
    ) = evaluator.book_inputs(leg)
    at, unit, covariates, *_ = evaluator.interest_inputs(leg)
    scored = np.zeros(data.n_bars, np.int64)
    scored[leg.term_to] = 1
    interest = draw_interest(
        rng.standard_t(DEGREES_OF_FREEDOM, data.n_bars),
        scored,
        turnover * leg.before if hold == "volume" else turnover,
        VOLUME if hold == "volume" else TURNOVER,
        USUAL_TURNOVER_PER_DAY * data.bar_hours / 24.0,
        p,
        shares,
        where,
        class_where,
        days,
        given,
        start,
        block,
        walk,
        step,
        at,
        unit,
        covariates,
        *touches,
    )
    dead = ~(np.isfinite(interest) & (interest > 0))
    if dead.any():
        raise SamplingError(
            f"the drawn market has no open interest left in bar {int(np.argmax(dead))}: these "
            "parameters close more than there is."
        )
    before = np.concatenate([interest[:1], interest[:-1]])
    now = turnover * leg.before / before if hold == "volume" else turnover
    moved = replace(leg, interest=interest, before=before, turnover=now)
    drawn = replace(data, legs=(moved,))
    if not data.feeds:
        return drawn
    reported = _draw_reports(Evaluator(evaluator.spec, drawn, evaluator.layout), p, shares, rng)
    feeds = {
        side: replace(data.feeds[side], reported=reported[j] * before)
        for j, side in enumerate(SIDES)
    }
    return replace(drawn, feeds=feeds)


def _draw_reports(
    evaluator: Evaluator, p: FloatArray, shares: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Reports as shares of open interest, shape (2, time)."""
    data = evaluator.data
    silent = {s: replace(f, reported=np.zeros(data.n_bars)) for s, f in data.feeds.items()}
    quiet = Evaluator(evaluator.spec, replace(data, feeds=silent), evaluator.layout)
    expected = quiet.expected_common(p, quiet.books(p, shares))
    # without earlier reports the slow residual is zero: these are the moments around it
    location, scale, log_zero = quiet.report_moments(p, expected)
    memory = np.exp(-data.bar_hours / evaluator.value(p, "feed_memory_hours"))
    gain = evaluator.value(p, "feed_gain")
    out = np.zeros((2, data.n_bars))
    for j, side in enumerate(SIDES):
        scored = np.isin(np.arange(data.n_bars), data.feeds[side].bars)
        slow = 0.0
        for t in range(data.n_bars):
            if data.start[t] != 0:
                slow = 0.0
                continue
            noise, chance = rng.standard_normal(), rng.random()
            if scored[t] and chance < -np.expm1(log_zero[j, t]):
                log_report = location[j, t] + slow + scale[j, t] * noise
                out[j, t] = np.exp(log_report)
                slow += gain * (log_report - location[j, t] - slow)
            slow *= memory
    return out
