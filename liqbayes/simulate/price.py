"""Exogenous price returns and trading activity: clustering, jumps, daily cycle, trend, crash.

Log volatility is the sum of two Ornstein-Uhlenbeck processes, a fast and a slow one (two-scale
stochastic volatility: Alizadeh, Brandt & Diebold 2002, doi 10.1111/1540-6261.00465). Highs and lows
of a step are drawn from the law of the extremes of a Brownian bridge given its end: with variance v
and end x, max = (x + sqrt(x² - 2 v log U)) / 2 for uniform U (Glasserman 2003, section 6.4,
doi 10.1007/978-0-387-21617-1).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liqbayes.simulate.market_settings import FlowConfig, PriceConfig

FloatArray = NDArray[np.float64]


class Drive(NamedTuple):
    """What drives every step of the market; arrays of shape (step,).

    Attributes
    ----------
    hours : ndarray
        Length of the step.
    close, low, high : ndarray
        Log price at the end of the step and at its extremes, relative to its start.
    scale : ndarray
        Standard deviation of the diffusive part of `close`.
    activity : ndarray
        Trading activity, about 1 on average.
    interest : ndarray
        Open interest that traders aim for, relative to the start.
    opening : ndarray
        Noise factor of the opening rate, 1 on average.
    """

    hours: FloatArray
    close: FloatArray
    low: FloatArray
    high: FloatArray
    scale: FloatArray
    activity: FloatArray
    interest: FloatArray
    opening: FloatArray


def autoregression(rng: np.random.Generator, hours: FloatArray, half_life: float) -> FloatArray:
    """A stationary Ornstein-Uhlenbeck path with unit variance, on steps of unequal length."""
    decay = 0.5 ** (hours / half_life)
    shock = rng.standard_normal(hours.size) * np.sqrt(1 - decay**2)
    return _filtered(decay, shock, float(rng.standard_normal()))


def _filtered(decay: FloatArray, shock: FloatArray, value: float) -> FloatArray:
    path = np.empty_like(decay)
    for step, (keep, new) in enumerate(zip(decay.tolist(), shock.tolist(), strict=True)):
        value = keep * value + new
        path[step] = value
    return path


def draw_drive(
    rng: np.random.Generator,
    price: PriceConfig,
    flow: FlowConfig,
    *,
    hours: FloatArray,
    published: int,
    first_hour: float,
) -> Drive:
    """Draw the exogenous path of a market.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    price, flow : PriceConfig, FlowConfig
        Settings.
    hours : ndarray, shape (step,)
        Length of each step, hours.
    published : int
        Number of steps at the end that are published; crash and trend happen there only.
    first_hour : float
        Hour of the day at the start of the first step.
    """
    size = hours.size
    clock = first_hour + np.concatenate([[0.0], np.cumsum(hours)[:-1]])
    cycle = price.daily_cycle * np.sin(2 * np.pi * (clock - 8.0) / 24.0)
    normal = rng.standard_normal(size)
    fast_half_life, slow_half_life = price.volatility_half_lives
    keep = 0.5 ** (hours / fast_half_life)
    # A return moves the volatility of the steps after it, so its own is shifted by one.
    pull = np.concatenate([[0.0], normal[:-1]])
    own = rng.standard_normal(size)
    mixed = price.asymmetry * pull + np.sqrt(1 - price.asymmetry**2) * own
    fast = _filtered(keep, mixed * np.sqrt(1 - keep**2), float(rng.standard_normal()))
    slow = autoregression(rng, hours, slow_half_life)
    log_volatility = price.volatility_sd * (fast + slow) / np.sqrt(2.0) + cycle
    log_volatility -= price.volatility_sd**2 + price.daily_cycle**2 / 2
    active = np.zeros(size)
    start = size - published + int(price.crash_at * published)
    if price.crash != 0 and published > 0:
        inside = np.clip(np.cumsum(hours[start:]) / price.crash_hours, 0, 1)
        share = np.diff(np.concatenate([[0.0], inside]))
        active[start:] = share
        log_volatility += np.log(3.0) * (active > 0)
    scale = price.hourly_volatility * np.exp(log_volatility) * np.sqrt(hours)

    drift = price.crash * active
    drift[size - published :] += price.trend_per_day * hours[size - published :] / 24
    diffusion = scale * normal + drift
    jumped = rng.random(size) < -np.expm1(-price.jumps_per_day * hours / 24)
    # Student t (3) sizes have unit variance after division by sqrt(3).
    sizes = price.jump_size * rng.standard_t(3, size) / np.sqrt(3.0)
    jump = np.where(jumped, np.clip(sizes, -0.3, 0.3), 0.0)
    up, down = -2 * scale**2 * np.log(1 - rng.random((2, size)))
    top = (diffusion + np.sqrt(diffusion**2 + up)) / 2
    bottom = (diffusion - np.sqrt(diffusion**2 + down)) / 2

    noise = autoregression(rng, hours, 3.0)
    surprise = np.abs(diffusion + jump) / scale - np.sqrt(2 / np.pi)
    log_activity = (
        flow.volatility_exponent * (log_volatility + price.volatility_sd**2 / 2)
        + flow.activity_sd * noise
        - flow.activity_sd**2 / 2
        + 0.3 * np.clip(surprise, -1, 6)
    )
    opening = flow.opening_noise * autoregression(rng, hours, 0.5) - flow.opening_noise**2 / 2
    interest = flow.interest_sd * autoregression(rng, hours, flow.interest_half_life)
    return Drive(
        hours=hours,
        close=diffusion + jump,
        low=np.minimum(0.0, jump + bottom),
        high=np.maximum(0.0, jump + top),
        scale=scale,
        activity=np.exp(np.clip(log_activity, -5, 4)),
        interest=np.exp(interest - interest[0]),
        opening=np.exp(opening),
    )


def mirrored(drive: Drive) -> Drive:
    """The same path with every log return of the opposite sign (price against one over price)."""
    return Drive(
        hours=drive.hours,
        close=-drive.close,
        low=-drive.high,
        high=-drive.low,
        scale=drive.scale,
        activity=drive.activity,
        interest=drive.interest,
        opening=drive.opening,
    )
