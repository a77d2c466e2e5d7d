"""The markets that recovery is judged on: fixed before any fit, and frozen by a test.

Every market has one level on each axis, so that each level is met in at least twenty of the
hundred markets that are judged, together with every sort of the others. The levels are dealt out
from shuffled packs: any first markets of the table hold each level about equally often.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from liqbayes.contracts import SIDES
from liqbayes.simulate import (
    BehaviourConfig,
    FeedConfig,
    FlowConfig,
    HoldingClass,
    LeverageConfig,
    MarketConfig,
    PriceConfig,
    SimulatedMarket,
    simulate_market,
)

# The first of them were looked at while models were developed: nothing is judged on them.
N_DEVELOPMENT = 60
N_JUDGED = 100
_N_MARKETS = N_DEVELOPMENT + N_JUDGED
# One of the few lengths each: what is compiled for a length serves all markets of that length.
LENGTHS = (500, 500, 500, 500, 720, 720, 720, 1000, 1000, 2000)
_DEAL = 2024
_FIRST_SEED = 41_000

FAR, NEAR = "far from the prior", "near the prior"
# Level of each axis by name, in the order in which tables list them.
AXES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "prior": (NEAR, FAR),
        "leverage": ("low", "middle", "high"),
        "turnover": ("low", "usual", "high"),
        "positions": ("50", "300", "2000"),
        "level drift": ("none", "usual", "strong"),
        "top-ups": ("none", "usual", "many"),
        "path": ("quiet", "up", "down", "crash", "squeeze"),
        "reporting share": ("1", "0.5", "0.2", "0.07", "0.02"),
    }
)

# Holders of days and months with few scalpers: a fourth of the openings of the default's mix.
_SLOW = (
    HoldingClass(3.0, 0.0005, collateral=0.1, size=0.08, tilt=2.5),
    HoldingClass(0.75, 0.0040, collateral=0.6),
    HoldingClass(36.0, 0.0700, collateral=0.7),
    HoldingClass(240.0, 0.6255),
    HoldingClass(2000.0, 0.3000, collateral=1.1),
)
_USUAL = BehaviourConfig().holding

# (exponent, multiple): menu weights times (leverage / 10) ** exponent, and median multiple of the
# margin that stands behind a cross position. Distances from the prior: docs/explanation/recovery.md
_MIXES = MappingProxyType(
    {
        "low": ((-1.2, 9.0), (-0.8, 10.0)),
        "middle": ((0.0, 4.0), (-0.4, 4.0), (0.0, 6.0)),
        "high": ((0.4, 2.5), (0.8, 4.0)),
    }
)
# (holding classes, volume over open interest a day)
_TURNOVER = MappingProxyType(
    {
        (NEAR, "low"): (_SLOW, 2.0),
        (NEAR, "usual"): (_SLOW, 3.0),
        (NEAR, "high"): (_USUAL, 9.0),
        (FAR, "low"): (_SLOW, 0.6),
        (FAR, "usual"): (_USUAL, 3.0),
        (FAR, "high"): (_SLOW, 14.0),
    }
)
_POSITIONS = MappingProxyType(
    {
        "50": FlowConfig(
            notional_open_interest=5e8, effective_positions=(50.0, 50.0), size_ratio=30.0
        ),
        "300": FlowConfig(
            notional_open_interest=2e9, effective_positions=(300.0, 300.0), size_ratio=100.0
        ),
        "2000": FlowConfig(effective_positions=(2000.0, 2000.0)),
    }
)
_DRIFT = MappingProxyType({"none": 0.0, "usual": 0.027, "strong": 0.07})
_TOPUPS = MappingProxyType({"none": (0.0, 0), "usual": (0.3, 3), "many": (0.7, 8)})
# Trends are per day: over the longest panels the price more than doubles, or falls by two thirds.
_PATHS = MappingProxyType(
    {
        "quiet": PriceConfig(),
        "up": PriceConfig(trend_per_day=0.012),
        "down": PriceConfig(trend_per_day=-0.012),
        "crash": PriceConfig(crash=-0.25),
        "squeeze": PriceConfig(crash=0.22),
    }
)


@dataclass(frozen=True)
class RecoveryMarket:
    """One market of the table.

    Attributes
    ----------
    number : int
        Place in the table.
    seed : int
        Of the simulated market.
    levels : dict
        Axis to level, see ``AXES``.
    config : MarketConfig
        What is simulated.
    """

    number: int
    seed: int
    levels: dict[str, str]
    config: MarketConfig

    def panel_config(self, *, feed: bool) -> MarketConfig:
        """The settings, with or without the published feed; nothing else of the market changes."""
        return self.config if feed else replace(self.config, feed=FeedConfig(publish=False))

    def simulate(self, *, feed: bool) -> tuple[SimulatedMarket, bool]:
        """The market, and whether its feed was left out because a side of it never reports.

        So says the error of a fit to such a feed: leave the columns out.
        """
        market = simulate_market(self.panel_config(feed=feed), self.seed)
        if not feed or all((market.panel.values(f"{s}_liquidations") > 0).any() for s in SIDES):
            return market, False
        return simulate_market(self.panel_config(feed=False), self.seed), True


@lru_cache(maxsize=1)
def markets() -> tuple[RecoveryMarket, ...]:
    """All markets: those of development, then those that are judged, as they are fitted."""
    far = _far()
    dealt = {
        axis: _dealt(i, levels)
        for i, (axis, levels) in enumerate(AXES.items())
        if axis not in ("prior", "leverage")
    }
    # far from the prior means a mix of low or of high leverage, in turns from a shuffled pack
    sides = iter(_dealt(len(AXES), ("low", "high")))
    table = []
    for number in range(_N_MARKETS):
        levels = {
            "prior": FAR if far[number] else NEAR,
            "leverage": next(sides) if far[number] else "middle",
            **{axis: deal[number] for axis, deal in dealt.items()},
        }
        seed = _FIRST_SEED + number
        table.append(RecoveryMarket(number, seed, levels, _config(number, seed, levels)))
    return tuple(table)


def table_hash() -> str:
    """Hash of every setting and seed of the table: rows of another table are another run."""
    plain = [asdict(market) | {"config": market.config.to_dict()} for market in markets()]
    text = json.dumps(plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _far() -> list[bool]:
    """Which half of every ten markets lies far from the prior: those whose seeds drew less."""
    drawn = [float(np.random.default_rng([_FIRST_SEED + i, 1]).random()) for i in range(_N_MARKETS)]
    out = []
    for first in range(0, _N_MARKETS, len(LENGTHS)):
        ten = drawn[first : first + len(LENGTHS)]
        out += [x < float(np.median(ten)) for x in ten]
    return out


def _dealt(axis: int, levels: tuple[str, ...]) -> list[str]:
    """Levels from packs that hold each of them once, every pack shuffled by itself."""
    rng = np.random.default_rng([_DEAL, axis])
    packs = -(-_N_MARKETS // len(levels))
    return [levels[i] for _ in range(packs) for i in rng.permutation(len(levels))][:_N_MARKETS]


def _config(number: int, seed: int, levels: dict[str, str]) -> MarketConfig:
    mixes = _MIXES[levels["leverage"]]
    exponent, multiple = mixes[int(np.random.default_rng([seed, 2]).integers(len(mixes)))]
    usual = LeverageConfig()
    weights = tuple(
        round(weight * (menu / 10.0) ** exponent, 4)
        for weight, menu in zip(usual.weights_long, usual.menu, strict=True)
    )
    holding, turnover = _TURNOVER[levels["prior"], levels["turnover"]]
    share, times = _TOPUPS[levels["top-ups"]]
    return MarketConfig(
        bars=LENGTHS[number % len(LENGTHS)],
        price=_PATHS[levels["path"]],
        leverage=LeverageConfig(
            weights_long=weights, weights_short=weights, multiple_median=multiple
        ),
        behaviour=BehaviourConfig(
            holding=holding,
            cross_drift=_DRIFT[levels["level drift"]],
            topup_share=share,
            topup_times=times,
        ),
        flow=replace(_POSITIONS[levels["positions"]], turnover=turnover),
        feed=FeedConfig(kappa=float(levels["reporting share"])),
    )
