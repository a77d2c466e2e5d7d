"""What a simulated market is made of: frozen, validated settings.

Every default is a round number near a published or measured magnitude; the sources are listed in
``docs/explanation/simulator.md``. Shares are fractions, times hours unless the name says otherwise.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from liqbayes.errors import InputError

#: Leverage settings a trader can choose in the venue's menu.
MENU = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 25.0, 50.0, 75.0, 100.0, 125.0)

#: Steps per bar where the configuration leaves them open: fine enough that positions opened in a
#: bar can be liquidated in it, coarse enough that a month of hours takes about a second.
_DEFAULT_STEPS = {300: 3, 900: 4, 1800: 6, 3600: 12, 14400: 12, 86400: 24}


def _check(condition: bool, name: str, value: object, allowed: str) -> None:
    if not condition:
        raise InputError(f"{name}={value!r} is not possible: allowed is {allowed}.")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _range(name: str, value: object, low: float, high: float = math.inf) -> None:
    number = _number(value)
    _check(
        math.isfinite(number) and low <= number <= high, name, value, f"a number {low:g}..{high:g}"
    )


def _positive(name: str, value: object) -> None:
    number = _number(value)
    _check(math.isfinite(number) and number > 0, name, value, "a finite number above 0")


def _weights(name: str, value: Sequence[float], count: int) -> None:
    allowed = f"{count} non-negative weights, not all 0"
    _check(len(value) == count and min(value) >= 0 and 0 < sum(value) < math.inf, name, value, allowed)


@dataclass(frozen=True)
class PriceConfig:
    """The exogenous part of the price and the impact of forced orders on it.

    Parameters
    ----------
    hourly_volatility : float
        Root mean square of the hourly log return, jumps left out.
    volatility_sd : float
        Standard deviation of the log volatility (clustering); half fast, half slow.
    volatility_half_lives : tuple of float
        Half-lives of the fast and the slow part of the log volatility, hours.
    asymmetry : float
        Correlation of a return with the following change of log volatility.
    daily_cycle : float
        Amplitude of the daily cycle in log volatility and log activity.
    jumps_per_day, jump_size : float
        Poisson rate of jumps, and the scale of their Student t (3) log size.
    trend_per_day : float
        Drift of the log price, per day.
    crash : float
        Log price change of a fall (or rise, if positive) spread over `crash_hours`; 0 for none.
    crash_at : float
        Where the crash starts, as a share of the published bars.
    crash_hours : float
        How long it lasts; volatility is tripled meanwhile.
    impact : float
        Factor of the square-root price impact of liquidation orders; 0 for none.
    impact_half_life : float
        Hours after which half of that impact has gone again.
    wick : float
        Mean overshoot of the traded high and low beyond those of the mark price, as a fraction.
    publish_mark : bool
        Whether the panel carries the mark price columns.
    """

    hourly_volatility: float = 0.0048
    volatility_sd: float = 0.5
    volatility_half_lives: tuple[float, float] = (6.0, 96.0)
    asymmetry: float = -0.2
    daily_cycle: float = 0.25
    jumps_per_day: float = 0.4
    jump_size: float = 0.008
    trend_per_day: float = 0.0
    crash: float = 0.0
    crash_at: float = 0.6
    crash_hours: float = 12.0
    impact: float = 0.2
    impact_half_life: float = 1.0
    wick: float = 0.0002
    publish_mark: bool = False

    def __post_init__(self) -> None:
        _positive("hourly_volatility", self.hourly_volatility)
        _range("volatility_sd", self.volatility_sd, 0, 2)
        for hours in self.volatility_half_lives:
            _positive("volatility_half_lives", hours)
        _range("asymmetry", self.asymmetry, -0.95, 0.95)
        _range("daily_cycle", self.daily_cycle, 0, 2)
        _range("jumps_per_day", self.jumps_per_day, 0, 100)
        _range("jump_size", self.jump_size, 0, 0.5)
        _range("trend_per_day", self.trend_per_day, -0.5, 0.5)
        _range("crash", self.crash, -3, 3)
        _range("crash_at", self.crash_at, 0, 1)
        _positive("crash_hours", self.crash_hours)
        _range("impact", self.impact, 0, 5)
        _positive("impact_half_life", self.impact_half_life)
        _range("wick", self.wick, 0, 0.05)


@dataclass(frozen=True)
class LeverageConfig:
    """How much collateral traders bring: menu leverage, and what stands behind it.

    A trader picks a leverage in the menu. Isolated positions have exactly that margin; a cross
    position is backed by a multiple of it, so that effective leverage is menu / multiple.

    Parameters
    ----------
    menu : tuple of float
        Leverage settings.
    weights_long, weights_short : tuple of float
        Relative frequency of each setting among the traders who open, per side.
    isolated_share : float
        Share of traders in isolated margin.
    multiple_median, multiple_sigma : float
        Log-normal law of the cross collateral multiple (never below 1).
    size_exponent : float
        The multiple grows as (size / mean size) ** size_exponent: small tickets are more leveraged.
    """

    menu: tuple[float, ...] = MENU
    weights_long: tuple[float, ...] = (2, 3, 6, 12, 26, 24, 6, 11, 3, 5, 2)
    weights_short: tuple[float, ...] = (2, 3, 6, 12, 26, 24, 6, 11, 3, 5, 2)
    isolated_share: float = 0.05
    multiple_median: float = 3.5
    multiple_sigma: float = 0.8
    size_exponent: float = 0.1

    def __post_init__(self) -> None:
        _check(
            len(self.menu) > 0 and all(1 <= value <= 1000 for value in self.menu),
            "menu",
            self.menu,
            "leverages 1..1000",
        )
        _weights("weights_long", self.weights_long, len(self.menu))
        _weights("weights_short", self.weights_short, len(self.menu))
        _range("isolated_share", self.isolated_share, 0, 1)
        _range("multiple_median", self.multiple_median, 1, 1000)
        _range("multiple_sigma", self.multiple_sigma, 0, 3)
        _range("size_exponent", self.size_exponent, -1, 1)


@dataclass(frozen=True)
class HoldingClass:
    """Traders who hold for about the same time.

    Parameters
    ----------
    hours : float
        Mean holding time at ordinary activity and zero profit.
    share : float
        Share of the open interest that these traders hold on average.
    collateral : float
        Factor on their cross collateral multiple (below 1: more leveraged than the others).
    """

    hours: float
    share: float
    collateral: float = 1.0

    def __post_init__(self) -> None:
        _positive("HoldingClass.hours", self.hours)
        _range("HoldingClass.share", self.share, 0, 1)
        _positive("HoldingClass.collateral", self.collateral)


@dataclass(frozen=True)
class BehaviourConfig:
    """What traders do with a position once they hold it.

    Parameters
    ----------
    holding : tuple of HoldingClass
        Holding speeds; the shares add up to 1.
    disposition : float
        Log factor on the exit rate of a large unrealised gain (and minus that for a loss).
    disposition_scale : float
        Unrealised log return at which the effect is three quarters of the full one.
    reaction : float
        Rise of the exit rate per standardised move of the last hour, either direction.
    momentum : float
        Log factor on openings after a large rise (minus that after a large fall).
    partial_exit_share : float
        Share of voluntary exits that only reduce the position.
    add_share : float
        Share of opened contracts that goes to positions that exist already.
    stop_share : float
        Share of traders with a stop before their liquidation level.
    stop_range : tuple of float
        Where the stop lies, as the share of the distance that is left when it triggers.
    stop_reliability : float
        Chance that a stop fills when price reaches it.
    topup_share : float
        Share of traders who add collateral when liquidation comes near.
    topup_trigger : float
        Share of the distance that is left when they do.
    topup_size : float
        Collateral added each time, relative to the one first posted.
    topup_times : int
        How often at most.
    partial_notional : float
        Notional (quote currency) above which a liquidation closes a part first.
    partial_share : float
        The part closed at each rung of the ladder.
    ladder_rungs : int
        Partial liquidations a position can have before it is closed in full.
    cross_drift : float
        Daily standard deviation of the log collateral of cross accounts (their other profits).
    cross_drift_hours : float
        Mean time between two such changes of an account.
    cross_correlation : float
        Correlation of the other profits with this market's return.
    participation : float
        Largest share of a step's ordinary volume that one trader closes; larger exits take longer.
    """

    holding: tuple[HoldingClass, ...] = (
        HoldingClass(0.75, 0.02, 0.35),
        HoldingClass(12.0, 0.13, 0.6),
        HoldingClass(120.0, 0.60, 1.0),
        HoldingClass(2000.0, 0.25, 1.3),
    )
    disposition: float = 0.5
    disposition_scale: float = 0.03
    reaction: float = 0.25
    momentum: float = 0.15
    partial_exit_share: float = 0.3
    add_share: float = 0.15
    stop_share: float = 0.35
    stop_range: tuple[float, float] = (0.1, 0.6)
    stop_reliability: float = 0.85
    topup_share: float = 0.3
    topup_trigger: float = 0.2
    topup_size: float = 0.6
    topup_times: int = 3
    partial_notional: float = 1e6
    partial_share: float = 0.4
    ladder_rungs: int = 3
    cross_drift: float = 0.08
    cross_drift_hours: float = 4.0
    cross_correlation: float = 0.3
    participation: float = 0.1

    def __post_init__(self) -> None:
        _check(
            1 <= len(self.holding) <= 16, "holding", self.holding, "1 to 16 holding classes"
        )
        total = sum(kind.share for kind in self.holding)
        _check(abs(total - 1) < 1e-9, "holding shares", total, "shares that add up to 1")
        _range("disposition", self.disposition, -3, 3)
        _positive("disposition_scale", self.disposition_scale)
        _range("reaction", self.reaction, 0, 10)
        _range("momentum", self.momentum, -3, 3)
        for name in (
            "partial_exit_share",
            "add_share",
            "stop_share",
            "stop_reliability",
            "topup_share",
            "topup_trigger",
            "partial_share",
        ):
            _range(name, getattr(self, name), 0, 0.95 if name == "add_share" else 1)
        low, high = self.stop_range
        _check(0 < low <= high < 1, "stop_range", self.stop_range, "0 < low <= high < 1")
        _range("topup_size", self.topup_size, 0, 100)
        _range("topup_times", self.topup_times, 0, 1000)
        _positive("partial_notional", self.partial_notional)
        _range("ladder_rungs", self.ladder_rungs, 0, 100)
        _range("cross_drift", self.cross_drift, 0, 2)
        _positive("cross_drift_hours", self.cross_drift_hours)
        _range("cross_correlation", self.cross_correlation, -1, 1)
        _range("participation", self.participation, 1e-4, 1)


@dataclass(frozen=True)
class FlowConfig:
    """How much is traded, and how large the traders are.

    Parameters
    ----------
    notional_open_interest : float
        Open interest at the start, quote currency, one-sided.
    effective_positions : tuple of float
        Wanted 1 / sum(share ** 2) of the positions, long and short. The truth states what came out.
    size_tail : float
        Exponent of the Pareto law of position sizes.
    size_ratio : float
        Largest size over smallest.
    turnover : float
        Ordinary volume over open interest, per day.
    activity_sd : float
        Standard deviation of the log activity that volatility does not explain.
    volatility_exponent : float
        Activity grows with volatility to this power.
    opening_noise : float
        Standard deviation of the log opening rate (half-life half an hour).
    interest_sd, interest_half_life : float
        Standard deviation and half-life (hours) of the log open interest traders aim for.
    rho : float or None
        Share of a taken close that a closing counterparty fills; None draws 0.3-0.9 per market.
    """

    notional_open_interest: float = 5e9
    effective_positions: tuple[float, float] = (2000.0, 2000.0)
    size_tail: float = 1.6
    size_ratio: float = 300.0
    turnover: float = 3.0
    activity_sd: float = 0.35
    volatility_exponent: float = 1.0
    opening_noise: float = 0.2
    interest_sd: float = 0.12
    interest_half_life: float = 240.0
    rho: float | None = None

    def __post_init__(self) -> None:
        _positive("notional_open_interest", self.notional_open_interest)
        _check(len(self.effective_positions) == 2, "effective_positions",
               self.effective_positions, "one number per side (long, short)")
        for count in self.effective_positions:
            _range("effective_positions", count, 5, 20_000)
        _range("size_tail", self.size_tail, 0.3, 20)
        _range("size_ratio", self.size_ratio, 1.0, 1e6)
        _range("turnover", self.turnover, 0.01, 100)
        _range("activity_sd", self.activity_sd, 0, 2)
        _range("volatility_exponent", self.volatility_exponent, 0, 3)
        _range("opening_noise", self.opening_noise, 0, 2)
        _range("interest_sd", self.interest_sd, 0, 1)
        _positive("interest_half_life", self.interest_half_life)
        if self.rho is not None:
            _range("rho", self.rho, 0, 1)


@dataclass(frozen=True)
class FeedConfig:
    """The liquidation feed.

    Parameters
    ----------
    publish : bool
        Whether the panel has the feed's columns.
    throttle : "contract", "none" or float
        Orders a second that the feed shows: the contract's rule at the start date, no limit, or a
        number.
    kept : "largest" or "latest"
        Which order of a window is shown; the venue's own documents disagree.
    kappa : float or None
        Chance that an order which passed the throttle is in the file; None draws 0.3-0.95.
    order_notional : float
        Largest single liquidation order (quote currency); larger ones come in children.
    child_seconds : float
        Mean time between two children.
    """

    publish: bool = True
    throttle: Literal["contract", "none"] | float = "contract"
    kept: Literal["largest", "latest"] = "latest"
    kappa: float | None = None
    order_notional: float = 50_000.0
    child_seconds: float = 0.25

    def __post_init__(self) -> None:
        if isinstance(self.throttle, str):
            _check(self.throttle in ("contract", "none"), "throttle", self.throttle,
                   "'contract', 'none' or orders per second")
        else:
            _positive("throttle", self.throttle)
        _check(self.kept in ("largest", "latest"), "kept", self.kept, "'largest' or 'latest'")
        if self.kappa is not None:
            _range("kappa", self.kappa, 0, 1)
        _positive("order_notional", self.order_notional)
        _positive("child_seconds", self.child_seconds)


@dataclass(frozen=True)
class MarketConfig:
    """One simulated market.

    Parameters
    ----------
    contract : str
        Contract name or path of a contract file; linear or inverse.
    bars, bar_seconds : int
        Published bars and their length.
    steps_per_bar : int or None
        Simulation steps in a bar; None takes 12 for hours, 3 for five minutes, 24 for days.
    start : str
        Open time of the first published bar, UTC.
    price_at_start : float
        Price there, quote currency.
    warmup_days : int
        Days in which the book trades before the first published bar, at least 1.
    history_days : int
        Price history before the warm-up in which the oldest positions were opened, at least 2.
    price, leverage, behaviour, flow, feed
        Settings by topic.

    Raises
    ------
    InputError
        When a setting is out of range, or the holding classes alone would trade more than the
        ordinary volume.
    """

    contract: str = "binance:BTCUSDT"
    bars: int = 720
    bar_seconds: int = 3600
    steps_per_bar: int | None = None
    start: str = "2024-01-01"
    price_at_start: float = 60_000.0
    warmup_days: int = 30
    history_days: int = 180
    price: PriceConfig = field(default_factory=PriceConfig)
    leverage: LeverageConfig = field(default_factory=LeverageConfig)
    behaviour: BehaviourConfig = field(default_factory=BehaviourConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    feed: FeedConfig = field(default_factory=FeedConfig)

    def __post_init__(self) -> None:
        _check(isinstance(self.bars, int) and 2 <= self.bars <= 200_000, "bars", self.bars,
               "an integer 2..200000")
        _check(isinstance(self.bar_seconds, int) and self.bar_seconds >= 60
               and 86400 % self.bar_seconds == 0, "bar_seconds", self.bar_seconds,
               "seconds that divide a day, at least 60 (300, 3600, 86400 ...)")
        steps = self.steps
        _check(isinstance(steps, int) and 2 <= steps <= 1000 and self.bar_seconds % steps == 0,
               "steps_per_bar", self.steps_per_bar,
               "an integer 2..1000 that divides bar_seconds (2 at least: with one step nothing "
               "could be opened and liquidated in the same bar)")
        _positive("price_at_start", self.price_at_start)
        _range("warmup_days", self.warmup_days, 1, 1000)
        _range("history_days", self.history_days, 2, 3000)
        flow = 2 * sum(kind.share * 24 / kind.hours for kind in self.behaviour.holding)
        _check(flow <= 0.95 * self.flow.turnover, "turnover", self.flow.turnover,
               f"at least {flow / 0.95:.3g} a day with these holding classes, which open and close "
               f"{flow:.3g} times the open interest a day (lengthen HoldingClass.hours or lower "
               "the share of the fast class)")

    @property
    def steps(self) -> int:
        """Simulation steps in a bar."""
        if self.steps_per_bar is not None:
            return self.steps_per_bar
        return _DEFAULT_STEPS.get(self.bar_seconds, 6)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain nested values (JSON-able)."""
        return dataclasses.asdict(self)
