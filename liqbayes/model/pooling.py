"""Several markets at once: which part of their parameters they have in common.

A pooled parameter of market ``m`` is, in prior standard deviations from its prior's centre,
``sqrt(w) u + sqrt(1 - w) v_m`` with ``u`` shared by all markets, ``v_m`` its own, both standard
normal. Each market keeps exactly the prior it has alone, whatever ``w``: the share of that prior's
variance that is common, which is learnt for each pool. With ``w = 0`` nothing is pooled, with
``w = 1`` the markets are one (partial pooling: Gelman & Hill 2007, ch. 12; the non-centred form:
Betancourt & Girolami 2015, arXiv 1312.0906).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.priors import ParameterLayout
from liqbayes.model.spec import ModelSpec

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SHARE = "pooled_share"
# between the name of a market, or of what is common, and that of a coordinate
OF = "::"
COMMON = "common"


@dataclass(frozen=True)
class MarketPart:
    """Where the coordinates of one market lie.

    Attributes
    ----------
    own : slice
        Its own coordinates in the joint vector.
    to_standard : ndarray, shape (parameter, parameter)
        Orthogonal map from coordinates to prior standard deviations of each parameter. Where a
        prior correlates parameters, to the independent parts they are made of: pooled to one
        extent, common and own values have that correlation too.
    pooled : ndarray of int64, shape (pooled,)
        Pooled parameters of the market.
    common, pool : ndarray of int64, shape (pooled,)
        Common coordinate and pool of each.
    """

    own: slice
    to_standard: FloatArray
    pooled: IntArray
    common: IntArray
    pool: IntArray


@dataclass(frozen=True)
class JointLayout:
    """Coordinates of several markets with partial pooling, all standard normal.

    The joint vector holds one coordinate a pool, the common coordinates, then each market's own.

    Attributes
    ----------
    shares : ParameterLayout
        Of the pools' shares ``w``.
    common : tuple of str
        Labels of the common coordinates.
    markets : mapping of str to MarketPart
    labels : tuple of str
        One a coordinate.
    """

    shares: ParameterLayout
    common: tuple[str, ...]
    markets: Mapping[str, MarketPart]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, spec: ModelSpec, evaluators: Mapping[str, Evaluator]) -> "JointLayout":
        """Lay the coordinates of several markets out.

        Raises
        ------
        InputError
            If the specification pools nothing, or there are fewer than two markets.
        """
        if not spec.pooling:
            raise InputError(
                f"{spec.name} fits one market at a time; use a model that pools, such as "
                "hierarchical, for several panels."
            )
        if len(evaluators) < 2:
            raise InputError("pooling needs at least two markets; give several panels.")
        shares = ParameterLayout.of((spec.prior(SHARE),))
        pool_of = {name: i for i, names in enumerate(spec.pooling.values()) for name in names}
        pooled = {
            market: [
                (at, label, pool_of[prior.name])
                for prior in evaluator.layout.priors
                if prior.name in pool_of
                for at, label in _labelled(evaluator.layout, prior.name)
            ]
            for market, evaluator in evaluators.items()
        }
        common = tuple(dict.fromkeys(label for each in pooled.values() for _, label, _ in each))
        place = {label: shares.n + i for i, label in enumerate(common)}
        labels = [*shares.labels, *(f"{COMMON}{OF}{label}" for label in common)]
        markets = {}
        for market, evaluator in evaluators.items():
            layout, first = evaluator.layout, len(labels)
            labels += [f"{market}{OF}{label}" for label in layout.labels]
            markets[market] = MarketPart(
                slice(first, len(labels)),
                layout.rotation,
                np.array([at for at, _, _ in pooled[market]], np.int64),
                np.array([place[label] for _, label, _ in pooled[market]], np.int64),
                np.array([pool for _, _, pool in pooled[market]], np.int64),
            )
        return cls(shares, common, markets, tuple(labels))

    @property
    def n(self) -> int:
        """Number of coordinates."""
        return len(self.labels)

    def pooled_share(self, z: Any, xp: Any = np) -> Any:
        """Share ``w`` of each pool, shape (..., pool); ``xp`` is NumPy or ``pytensor.tensor``."""
        scale = np.diag(self.shares.matrix)
        logit = self.shares.location + scale * z[..., : self.shares.n]
        return 1.0 / (1.0 + xp.exp(-logit))

    def market(self, z: Any, name: str, xp: Any = np) -> Any:
        """Coordinates of one market, shape (..., parameter), from joint ones, shape (..., n)."""
        part = self.markets[name]
        share = self.pooled_share(z, xp)[..., part.pool]
        own = z[..., part.own]
        # a row of ``to_standard`` gives one parameter in its prior's standard deviations
        drawn = own @ part.to_standard[part.pooled].T
        mixed = xp.sqrt(share) * z[..., part.common] + xp.sqrt(1.0 - share) * drawn
        return own + (mixed - drawn) @ part.to_standard[part.pooled]


def _labelled(layout: ParameterLayout, name: str) -> list[tuple[int, str]]:
    """Position and label of each value of a prior."""
    labels = layout.labels
    return [(int(at), labels[at]) for at in layout.where(name)]
