"""The traders: how large, how leveraged, how patient, and what they do near liquidation.

Traders are drawn here in blocks of independent draws; the market consumes them one by one as
openings are filled. None of these laws is shared with the inference.
"""

import numpy as np
from numpy.typing import NDArray

from liqbayes.simulate.config import BehaviourConfig, FlowConfig, LeverageConfig, MarketConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


#: Fields of a block of traders, an array of shape (TRADER_FIELDS, 2, trader), row 0 long.
#:
#: WANTED: position size, quantity units. POSTED: collateral per notional (the reciprocal of effective
#: leverage). STOP_SHARE: share of the distance left at which a stop triggers, 0 for none. LEAVES:
#: exits per hour that take liquidity. ALONE: 1 for isolated margin. PATIENCE: how often the trader
#: would add collateral.
WANTED, POSTED, STOP_SHARE, LEAVES, ALONE, PATIENCE = range(6)
TRADER_FIELDS = 6


def pareto_moments(tail: float, ratio: float) -> tuple[float, float]:
    """Mean and mean square of a Pareto variable on [1, ratio] with exponent `tail`."""

    def moment(order: int) -> float:
        power = order - tail
        whole = -np.expm1(-tail * np.log(ratio)) / tail
        part = np.log(ratio) if abs(power) < 1e-12 else np.expm1(power * np.log(ratio)) / power
        return float(part / whole)

    if ratio == 1:
        return 1.0, 1.0
    return moment(1), moment(2)


def mean_sizes(flow: FlowConfig, open_interest: float) -> tuple[float, float]:
    """Mean position size per side that gives the wanted effective number of positions.

    With n positions of independent size s, 1 / Σ share² is close to n E[s]² / E[s²]; n times E[s]
    is the open interest.
    """
    mean, square = pareto_moments(flow.size_tail, flow.size_ratio)
    per_effective = square / mean**2
    long, short = flow.effective_positions
    return open_interest / (long * per_effective), open_interest / (short * per_effective)


def opening_shares(behaviour: BehaviourConfig) -> FloatArray:
    """Share of openings by each holding class: share of the open interest over holding time."""
    rate = np.array([kind.share / kind.hours for kind in behaviour.holding])
    return np.asarray(rate / rate.sum(), dtype=np.float64)


def draw_traders(
    rng: np.random.Generator,
    config: MarketConfig,
    sizes: tuple[float, float],
    kinds: IntArray,
    rho: float,
) -> FloatArray:
    """Draw traders of given holding classes, shape (TRADER_FIELDS, 2, trader).

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    config : MarketConfig
        Settings of leverage, behaviour and sizes.
    sizes : tuple of float
        Mean size, long and short.
    kinds : ndarray of int, shape (2, trader)
        Holding classes.
    rho : float
        Share of taken closes that passive counterparties fill. Takers leave at 1 / (hours (1 + rho))
        and are asked as counterparties rho times as often: together 1 / hours.
    """
    behaviour = config.behaviour
    relative = _pareto(rng, config.flow, kinds.shape)
    margin, isolated = _margins(rng, config.leverage, behaviour, relative, kinds)
    low, high = behaviour.stop_range
    stops = rng.random(kinds.shape) < behaviour.stop_share
    patient = rng.random(kinds.shape) < behaviour.topup_share
    rate = np.array([1 / kind.hours for kind in behaviour.holding]) / (1 + rho)
    traders = np.empty((TRADER_FIELDS, *kinds.shape))
    traders[WANTED] = relative * np.array(sizes)[:, None]
    traders[POSTED] = margin
    traders[STOP_SHARE] = np.where(stops, rng.uniform(low, high, kinds.shape), 0.0)
    traders[LEAVES] = rate[kinds]
    traders[ALONE] = isolated
    traders[PATIENCE] = np.where(patient, behaviour.topup_times, 0)
    return traders


def _pareto(rng: np.random.Generator, flow: FlowConfig, shape: tuple[int, ...]) -> FloatArray:
    """Sizes relative to their mean."""
    uniform = rng.random(shape)
    if flow.size_ratio == 1:
        return np.ones(shape)
    top = -np.expm1(-flow.size_tail * np.log(flow.size_ratio))
    mean, _ = pareto_moments(flow.size_tail, flow.size_ratio)
    return np.asarray((1 - uniform * top) ** (-1 / flow.size_tail) / mean, dtype=np.float64)


def _margins(
    rng: np.random.Generator,
    leverage: LeverageConfig,
    behaviour: BehaviourConfig,
    relative: FloatArray,
    kinds: IntArray,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    shape = kinds.shape
    menu = np.empty(shape)
    for row, weights in enumerate((leverage.weights_long, leverage.weights_short)):
        share = np.asarray(weights, dtype=np.float64)
        menu[row] = rng.choice(np.array(leverage.menu), size=shape[1], p=share / share.sum())
    isolated = rng.random(shape) < leverage.isolated_share
    patience = np.array([kind.collateral for kind in behaviour.holding])[kinds]
    multiple = (
        leverage.multiple_median
        * patience
        * relative**leverage.size_exponent
        * np.exp(leverage.multiple_sigma * rng.standard_normal(shape))
    )
    backing = np.where(isolated, 1.0, np.maximum(multiple, 1.0))
    return np.asarray(backing / menu), isolated
