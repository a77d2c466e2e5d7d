"""How far a market's opening leverage and turnover lie from the centre of a model's priors."""

import math

import numpy as np

from liqbayes.model.spec import ModelSpec
from liqbayes.simulate import MarketConfig, SimulatedMarket
from liqbayes.simulate.openings import opening_tail

# P(leverage >= the second | >= the first) of what is opened, and the prior that is its logit.
STEPS = (
    (1.05, 3.0, "tail_logit", "3"),
    (3.0, 8.0, "tail_logit", "8"),
    (8.0, 20.0, "high_leverage_logit", None),
    (20.0, 50.0, "tail_logit", "50"),
)
TURNOVER = "opening_share_of_volume"
_SEED = 5


def leverage_distance(spec: ModelSpec, config: MarketConfig) -> float | None:
    """Distance of the opening leverage from the priors' centre, in prior standard deviations.

    The root mean square over the four continuation logits of the tail (sides averaged) of their
    distances from the prior's centre over its standard deviation: the Mahalanobis distance over
    two. A typical draw from the prior lies 1 away.

    Parameters
    ----------
    spec : ModelSpec
    config : MarketConfig
        Its newcomers are drawn; nothing is simulated.

    Returns
    -------
    float or None
        None for a model without these priors.
    """
    if not {name for _, _, name, _ in STEPS} <= set(spec.priors):
        return None
    leverages = sorted({x for low, high, _, _ in STEPS for x in (low, high)})
    tail = np.mean([*opening_tail(config, tuple(leverages), _SEED).values()], axis=0)
    above = dict(zip(leverages, tail, strict=True))
    z = []
    for low, high, name, label in STEPS:
        prior = spec.prior(name)
        at = prior.labels.index(label) if label is not None else 0
        share = min(max(above[high] / above[low], 1e-6), 1 - 1e-6)
        z.append((_logit(share) - prior.location[at]) / prior.sigma[at])
    return float(np.sqrt(np.mean(np.square(z))))


def turnover_distance(spec: ModelSpec, market: SimulatedMarket) -> float | None:
    """Signed distance of the true opening share of volume from the prior's centre.

    Parameters
    ----------
    spec : ModelSpec
    market : SimulatedMarket

    Returns
    -------
    float or None
        In prior standard deviations of its logit; None for a model without this prior.
    """
    volume = float(np.sum(market.panel.values("volume")))
    opened = float(market.bars["long_opened"].sum() + market.bars["short_opened"].sum())
    return share_distance(spec, opened / volume)


def share_distance(spec: ModelSpec, share: float) -> float | None:
    """Signed distance of an opening share of volume (both sides' openings over volume)."""
    if TURNOVER not in spec.priors:
        return None
    prior = spec.prior(TURNOVER)
    share = min(max(share, 1e-6), 1 - 1e-6)
    return (_logit(share) - prior.location[0]) / prior.sigma[0]


def planned_share(config: MarketConfig) -> float:
    """Openings of both sides over volume that the settings alone would give."""
    opened = 2 * sum(kind.share * 24 / kind.hours for kind in config.behaviour.holding)
    return opened / config.flow.turnover


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
