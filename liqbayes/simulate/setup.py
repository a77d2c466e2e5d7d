"""What is fixed before a market runs: its contract, drawn parameters and time grid."""

from dataclasses import dataclass
from math import gcd

import numpy as np

from liqbayes.contracts import Contract, load_contract
from liqbayes.errors import InputError
from liqbayes.simulate.book import FloatArray, Rules, rules_of, tiers_of
from liqbayes.simulate.config import MarketConfig
from liqbayes.simulate.population import IntArray, draw_traders, mean_sizes, opening_shares

_WARMUP_STEP = 3600


@dataclass(frozen=True)
class Setup:
    """Constants of one market.

    Attributes
    ----------
    config : MarketConfig
        Settings.
    contract : Contract
        The contract.
    orientation : int
        1 for a linear contract, -1 for an inverse one (see `liqbayes.simulate.book`).
    rho, kappa : float
        Drawn shares: closing counterparties, published orders.
    target : float
        Open interest at the start, quantity units.
    sizes : tuple of float
        Mean position size, long and short.
    tiers : ndarray, shape (4, tier)
        Margin tiers, see `liqbayes.simulate.book`.
    rules : Rules
        Constants that the kernels read.
    """

    config: MarketConfig
    contract: Contract
    orientation: int
    rho: float
    kappa: float
    target: float
    sizes: tuple[float, float]
    tiers: FloatArray
    rules: Rules

    def newcomers(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw traders who open now, per row in linear coordinates."""
        behaviour = self.config.behaviour
        kinds = rng.choice(len(behaviour.holding), size=(2, count), p=opening_shares(behaviour))
        return self.traders(rng, kinds)

    def traders(self, rng: np.random.Generator, kinds: IntArray) -> FloatArray:
        """Draw traders of given holding classes, rows in linear coordinates."""
        row_kinds = kinds if self.orientation > 0 else kinds[::-1]
        drawn = draw_traders(rng, self.config, self.sizes, row_kinds, self.rho)
        return drawn if self.orientation > 0 else np.ascontiguousarray(drawn[:, ::-1])


def make_setup(config: MarketConfig, rng: np.random.Generator) -> Setup:
    """Load the contract and draw what varies between markets.

    Raises
    ------
    InputError
        For an aggregate contract: only a venue's contract has margin rules.
    """
    contract = load_contract(config.contract)
    if not isinstance(contract, Contract):
        raise InputError(
            f"{config.contract} mixes venues and has no margin rules of its own; simulate "
            f"a venue's contract, such as binance:{contract.base}USDT"
        )
    low, high = rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.95)
    rho = low if config.flow.rho is None else config.flow.rho
    kappa = high if config.feed.kappa is None else config.feed.kappa
    orientation = 1 if contract.kind == "linear" else -1
    notional = config.flow.notional_open_interest
    target = notional / config.price_at_start if orientation > 0 else notional
    return Setup(
        config=config,
        contract=contract,
        orientation=orientation,
        rho=float(rho),
        kappa=float(kappa),
        target=target,
        sizes=mean_sizes(config, target),
        tiers=tiers_of(contract, config.start, config.price_at_start),
        rules=rules_of(config, rho=float(rho), target=target, orientation=orientation),
    )


@dataclass(frozen=True)
class Clock:
    """Time grid of a market: hours of history and warm-up, then finer published steps.

    Attributes
    ----------
    start : int
        Open time of the first published bar, seconds since 1970 UTC.
    history : int
        Hourly steps before the book exists.
    warmup : int
        Hourly steps in which the book trades unseen.
    step_seconds : ndarray of int, shape (step,)
        Length of each step, history first.
    begin : ndarray of int, shape (step,)
        Start time of each step, seconds since 1970 UTC.
    """

    start: int
    history: int
    warmup: int
    step_seconds: IntArray
    begin: IntArray

    @property
    def first_published(self) -> int:
        """Index of the first published step."""
        return self.history + self.warmup

    @property
    def hours(self) -> FloatArray:
        """Length of each step in hours."""
        return np.asarray(self.step_seconds / 3600.0, dtype=np.float64)


def make_clock(config: MarketConfig) -> Clock:
    """The time grid of a market.

    Raises
    ------
    InputError
        If `start` is no date or lies off the grid of its bars.
    """
    try:
        start = int(np.datetime64(config.start, "s").astype(np.int64))
    except ValueError as error:
        raise InputError(
            f"start={config.start!r} is no date; write it as 2024-01-01 or 2024-01-01T06:00 (UTC)"
        ) from error
    if start % config.bar_seconds:
        raise InputError(
            f"start={config.start} is not the open time of a bar of {config.bar_seconds} s; "
            "bars are counted from midnight UTC"
        )
    history, warmup = 24 * config.history_days, 24 * config.warmup_days
    seconds = np.concatenate(
        [
            np.full(history + warmup, _WARMUP_STEP),
            np.full(config.bars * config.steps, config.bar_seconds // config.steps),
        ]
    ).astype(np.int64)
    begin = start - _WARMUP_STEP * (history + warmup) + np.cumsum(seconds) - seconds
    return Clock(start=start, history=history, warmup=warmup, step_seconds=seconds, begin=begin)


def segments(clock: Clock, config: MarketConfig, funding_seconds: int) -> list[tuple[int, int]]:
    """Runs of steps, from the warm-up on, that end at every funding time and bar end."""
    grid = gcd(config.bar_seconds, funding_seconds)
    first = clock.history
    cut = clock.begin % np.where(clock.begin < clock.start, funding_seconds, grid) == 0
    starts = np.flatnonzero(cut)
    starts = np.unique(np.concatenate([[first], starts[starts > first]]))
    ends = np.concatenate([starts[1:], [clock.begin.size]])
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
