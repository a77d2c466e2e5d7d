"""The traders: how large, how leveraged, how patient, and what they do near liquidation.

Traders are drawn here in blocks of independent draws; the market consumes them one by one as
openings are filled. None of these laws is shared with the inference.
"""

import numpy as np
from numpy.typing import NDArray

from liqbayes.simulate.config import MarketConfig
from liqbayes.simulate.market_settings import FlowConfig
from liqbayes.simulate.trader_settings import BehaviourConfig, LeverageConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


#: Fields of a block of traders, an array of shape (TRADER_FIELDS, 2, trader), row 0 long.
#:
#: WANTED: position size, quantity units. POSTED: collateral per notional (one over effective
#: leverage). STOP_SHARE: share of the distance left at which a stop triggers, 0 for none. LEAVES:
#: exits per hour that take liquidity. ALONE: 1 for isolated margin. PATIENCE: how often the trader
#: would add collateral. READS: 1 for those who read a published map (0 here, see
#: `liqbayes.simulate.publishing`).
WANTED, POSTED, STOP_SHARE, LEAVES, ALONE, PATIENCE, READS = range(7)
TRADER_FIELDS = 7


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


def mean_sizes(config: MarketConfig, open_interest: float) -> tuple[float, float]:
    """Mean position size (of a class with factor 1) for the wanted effective numbers of positions.

    With sizes m f_c s, where s is the Pareto variable over its mean and class c holds the share h_c
    of the open interest, Σ size² = OI m E[s²] Σ h_c f_c, and 1 / Σ share² is OI² over that.
    """
    mean, square = pareto_moments(config.flow.size_tail, config.flow.size_ratio)
    factor = sum(kind.share * kind.size for kind in config.behaviour.holding)
    long, short = (
        open_interest * mean**2 / (count * square * factor)
        for count in config.flow.effective_positions
    )
    return long, short


def opening_shares(behaviour: BehaviourConfig) -> FloatArray:
    """Share of each holding class among those who open: positions held over holding time."""
    rate = np.array([kind.share / (kind.hours * kind.size) for kind in behaviour.holding])
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
        Share of taken closes that passive counterparties fill. Takers leave at
        1 / (hours (1 + rho)) and are asked as counterparties rho times as often:
        together 1 / hours.
    """
    behaviour = config.behaviour
    relative = _pareto(rng, config.flow, kinds.shape)
    margin, isolated = _margins(rng, config.leverage, behaviour, relative, kinds)
    low, high = behaviour.stop_range
    stops = rng.random(kinds.shape) < behaviour.stop_share
    patient = rng.random(kinds.shape) < behaviour.topup_share
    rate = np.array([1 / kind.hours for kind in behaviour.holding]) / (1 + rho)
    traders = np.empty((TRADER_FIELDS, *kinds.shape))
    factor = np.array([kind.size for kind in behaviour.holding])
    traders[WANTED] = relative * factor[kinds] * np.array(sizes)[:, None]
    traders[POSTED] = margin
    traders[STOP_SHARE] = np.where(stops, rng.uniform(low, high, kinds.shape), 0.0)
    traders[LEAVES] = rate[kinds]
    traders[ALONE] = isolated
    traders[PATIENCE] = np.where(patient, behaviour.topup_times, 0)
    traders[READS] = 0.0
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
    settings = np.array(leverage.menu)
    tilt = np.array([kind.tilt for kind in behaviour.holding])
    menu = np.empty(shape)
    for row, weights in enumerate((leverage.weights_long, leverage.weights_short)):
        share = np.array(weights) * settings ** tilt[:, None]
        ladder = np.cumsum(share, axis=1) / share.sum(axis=1, keepdims=True)
        ladder[:, -1] = 1.0
        # One search for all classes: class k has the stretch from k to k + 1.
        stretch = (ladder + np.arange(len(tilt))[:, None]).ravel()
        place = np.searchsorted(stretch, kinds[row] + rng.random(shape[1]))
        menu[row] = settings[place % settings.size]
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
