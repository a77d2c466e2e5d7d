"""Settings of price, traded amounts and feed."""

from dataclasses import dataclass
from typing import Literal

from liqbayes.simulate.validation import in_range, positive, require


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

    hourly_volatility: float = 0.005
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
        positive("hourly_volatility", self.hourly_volatility)
        in_range("volatility_sd", self.volatility_sd, 0, 2)
        for hours in self.volatility_half_lives:
            positive("volatility_half_lives", hours)
        in_range("asymmetry", self.asymmetry, -0.95, 0.95)
        in_range("daily_cycle", self.daily_cycle, 0, 2)
        in_range("jumps_per_day", self.jumps_per_day, 0, 100)
        in_range("jump_size", self.jump_size, 0, 0.5)
        in_range("trend_per_day", self.trend_per_day, -0.5, 0.5)
        in_range("crash", self.crash, -3, 3)
        in_range("crash_at", self.crash_at, 0, 1)
        positive("crash_hours", self.crash_hours)
        in_range("impact", self.impact, 0, 5)
        positive("impact_half_life", self.impact_half_life)
        in_range("wick", self.wick, 0, 0.05)


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
    activity_sd: float = 0.5
    volatility_exponent: float = 1.0
    opening_noise: float = 0.1
    interest_sd: float = 0.08
    interest_half_life: float = 240.0
    rho: float | None = None

    def __post_init__(self) -> None:
        positive("notional_open_interest", self.notional_open_interest)
        require(
            len(self.effective_positions) == 2,
            "effective_positions",
            self.effective_positions,
            "one number per side (long, short)",
        )
        for count in self.effective_positions:
            in_range("effective_positions", count, 5, 20_000)
        in_range("size_tail", self.size_tail, 0.3, 20)
        in_range("size_ratio", self.size_ratio, 1.0, 1e6)
        in_range("turnover", self.turnover, 0.01, 100)
        in_range("activity_sd", self.activity_sd, 0, 2)
        in_range("volatility_exponent", self.volatility_exponent, 0, 3)
        in_range("opening_noise", self.opening_noise, 0, 2)
        in_range("interest_sd", self.interest_sd, 0, 1)
        positive("interest_half_life", self.interest_half_life)
        if self.rho is not None:
            in_range("rho", self.rho, 0, 1)


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
    order_notional: float = 200_000.0
    child_seconds: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.throttle, str):
            require(
                self.throttle in ("contract", "none"),
                "throttle",
                self.throttle,
                "'contract', 'none' or orders per second",
            )
        else:
            positive("throttle", self.throttle)
        require(self.kept in ("largest", "latest"), "kept", self.kept, "'largest' or 'latest'")
        if self.kappa is not None:
            in_range("kappa", self.kappa, 0, 1)
        positive("order_notional", self.order_notional)
        positive("child_seconds", self.child_seconds)
