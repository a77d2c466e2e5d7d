"""Cascades of the agent market beside the fixed point on its true book.

The agent market has an impact law of its own: after every step the forced orders of the step move
the price by ``impact * σ_step * sqrt(q / V_step)``, and what that reaches is forced in the next
step (`liqbayes.simulate.PriceConfig`). A market with a sudden fall is run twice, with impact and
without; all else, the price's own path included, is the same. What the fall becomes is the
difference. Beside it stands the fixed point on the true levels before the fall, under the same law
with the volatility and volume of the step of the fall, and the share of levels that really closes
measured in the market without impact. The two share no code.

The market's law is not the fixed point's. It takes a root of each step's orders, and a sum of roots
is larger than the root of the sum, which is what metaorders follow (Donier & Bonart, arXiv
1412.4503); so its cascades go further.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liqbayes.analysis.cascade import least_fixed_point
from liqbayes.errors import InputError
from liqbayes.simulate import SimulatedMarket, market_preset, simulate_market

FloatArray = NDArray[np.float64]

#: Bars before the fall, and in all.
BEFORE, BARS = 48, 50
# The market triples volatility in a crash.
_CRASH_VOLATILITY = 3.0
_EDGES = 2001


@dataclass(frozen=True)
class Unit:
    """One market that falls at once, run with and without impact."""

    seed: int
    fall: float
    impact: float


def examine(unit: Unit) -> dict[str, float]:
    """`simulated_cascade` of a unit."""
    return simulated_cascade(unit.seed, unit.fall, unit.impact)


def simulated_cascade(seed: int, fall: float, impact: float) -> dict[str, float]:
    """Run one market with and without impact, and solve the fixed point on its true book.

    Parameters
    ----------
    seed : int
    fall : float
        Fall of the price as a fraction, within one step.
    impact : float
        Coefficient of the market's impact law.

    Returns
    -------
    dict
        ``shock`` (log fall without impact), ``simulated`` and ``predicted`` (further log fall by
        forced orders; the fixed point), ``by_rounds`` (the same book with a root for each of the
        bar's steps, as the market has it), ``closing_share``, ``liquidated`` and
        ``predicted_liquidated`` (share of the longs' open interest).

    Raises
    ------
    InputError
        If the fall or the impact is not positive, or the fall reaches no level.
    """
    if not 0 < fall < 0.9 or not impact > 0:
        raise InputError(f"fall {fall} and impact {impact}; use a fall in (0, 0.9), impact > 0.")
    calm, moved = _market(seed, fall, 0.0), _market(seed, fall, impact)
    steps = calm.config.steps
    before = float(calm.panel.values("close")[BEFORE - 1])
    shock = float(np.log(before / calm.panel.values("low")[BEFORE]))
    # both runs carry on from nearly, not exactly, the same price
    gap = _log_gap(calm, moved, BEFORE) - _log_gap(calm, moved, BEFORE - 1)
    interest = float(calm.bars["long_open_interest"].iloc[BEFORE - 1])
    edges, held = _book(moved)
    # the books of both runs differ a little: earlier liquidations moved one of them
    reached = float(np.interp(shock, edges, _book(calm)[1]))
    if reached <= 0:
        raise InputError(f"seed {seed}: a fall of {fall:.0%} reaches no level; use a larger one.")
    lost = [float(m.bars["long_liquidations"].iloc[BEFORE]) for m in (calm, moved)]
    share = min(1.0, lost[0] / reached)
    # what the other steps of the bar trade is as in the bar before
    volume = calm.panel.values("volume")
    of_step = float(volume[BEFORE] - volume[BEFORE - 1] * (steps - 1) / steps)
    price = calm.config.price
    hours = calm.config.bar_seconds / 3600 / steps
    ordinary = impact * price.hourly_volatility * np.sqrt(hours * steps / volume[BEFORE - 1])
    scale = impact * _CRASH_VOLATILITY * price.hourly_volatility * np.sqrt(hours / of_step)
    rest = float(least_fixed_point(edges, share * held[None, :], [[shock]], scale)[0, 0])
    return {
        "seed": seed,
        "fall": fall,
        "impact": impact,
        "shock": shock,
        "simulated": gap,
        "predicted": rest - shock,
        "by_rounds": _by_rounds(edges, share * held, shock, [scale] + [ordinary] * (steps - 2)),
        "closing_share": share,
        "liquidated": lost[1] / interest,
        "predicted_liquidated": share * float(np.interp(rest, edges, held)) / interest,
    }


def _by_rounds(edges: FloatArray, held: FloatArray, shock: float, scales: list[float]) -> float:
    """Further fall if every step's forced orders have a square root of their own."""
    price, before = shock, 0.0
    for scale in scales:
        forced = float(np.interp(price, edges, held))
        price += scale * np.sqrt(forced - before)
        before = forced
    return price - shock


def _market(seed: int, fall: float, impact: float) -> SimulatedMarket:
    """A calm market that falls at once at the start of a bar and keeps the impact it suffers."""
    config = market_preset("default", bars=BARS, warmup_days=10)
    hours = config.bar_seconds / 3600 / config.steps
    price = replace(
        config.price,
        volatility_sd=0.0,
        daily_cycle=0.0,
        jumps_per_day=0.0,
        crash=float(np.log1p(-fall)),
        crash_at=(BEFORE + 0.5 / config.steps) / BARS,
        crash_hours=hours,
        impact=impact,
        impact_half_life=1e6,
        wick=0.0,
    )
    flow = replace(config.flow, activity_sd=0.0)
    return simulate_market(replace(config, price=price, flow=flow), seed, keep_levels=True)


def _log_gap(calm: SimulatedMarket, moved: SimulatedMarket, bar: int) -> float:
    close = [float(m.panel.values("close")[bar]) for m in (calm, moved)]
    return float(np.log(close[0] / close[1]))


def _book(market: SimulatedMarket) -> tuple[FloatArray, FloatArray]:
    """True longs' levels at the close before the fall: quantity up to log distances."""
    assert market.levels is not None
    table = market.levels
    before = float(market.panel.values("close")[BEFORE - 1])
    at = table["time"].unique()[BEFORE - 1]
    longs = table[(table["time"] == at) & (table["side"] == "long")]
    distance = np.log(before / longs["price"].to_numpy(float))
    edges = np.linspace(0.0, 2.0, _EDGES)
    held = np.histogram(np.maximum(distance, 0.0), edges, weights=longs["amount"].to_numpy(float))
    return edges, np.concatenate([[0.0], np.cumsum(held[0])])
