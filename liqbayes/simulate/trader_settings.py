"""Settings of the traders: leverage, holding times, behaviour."""

from dataclasses import dataclass

from liqbayes.simulate.validation import in_range, positive, require, weights

#: Leverage settings a trader can choose in the venue's menu.
MENU = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 25.0, 50.0, 75.0, 100.0, 125.0)


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
    weights_long: tuple[float, ...] = (0.5, 1, 7, 20, 38, 23, 4, 4, 1, 1, 0.5)
    weights_short: tuple[float, ...] = (0.5, 1, 7, 20, 38, 23, 4, 4, 1, 1, 0.5)
    isolated_share: float = 0.05
    multiple_median: float = 4.0
    multiple_sigma: float = 0.4
    size_exponent: float = 0.1

    def __post_init__(self) -> None:
        require(
            len(self.menu) > 0 and all(1 <= value <= 1000 for value in self.menu),
            "menu",
            self.menu,
            "leverages 1..1000",
        )
        weights("weights_long", self.weights_long, len(self.menu))
        weights("weights_short", self.weights_short, len(self.menu))
        in_range("isolated_share", self.isolated_share, 0, 1)
        in_range("multiple_median", self.multiple_median, 1, 1000)
        in_range("multiple_sigma", self.multiple_sigma, 0, 3)
        in_range("size_exponent", self.size_exponent, -1, 1)


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
    size : float
        Factor on the size of their positions.
    tilt : float
        A menu leverage is chosen leverage ** tilt times as often as its weight says.
    """

    hours: float
    share: float
    collateral: float = 1.0
    size: float = 1.0
    tilt: float = 0.0

    def __post_init__(self) -> None:
        positive("HoldingClass.hours", self.hours)
        in_range("HoldingClass.share", self.share, 0, 1)
        positive("HoldingClass.collateral", self.collateral)
        in_range("HoldingClass.size", self.size, 1e-3, 1e3)
        in_range("HoldingClass.tilt", self.tilt, -5, 5)


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
        Daily standard deviation of the other profits of a cross account over the notional of its
        position: what another position of the same size in another coin would make.
    cross_drift_hours : float
        Mean time between two such changes of an account.
    cross_correlation : float
        Correlation of the other profits with this market's return.
    participation : float
        Largest share of a step's ordinary volume that one trader closes; larger exits take longer.
    """

    holding: tuple[HoldingClass, ...] = (
        HoldingClass(3.0, 0.002, collateral=0.1, size=0.08, tilt=2.5),
        HoldingClass(0.75, 0.018, collateral=0.6),
        HoldingClass(12.0, 0.13, collateral=0.7),
        HoldingClass(120.0, 0.60),
        HoldingClass(2000.0, 0.25, collateral=1.1),
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
    cross_drift: float = 0.027
    cross_drift_hours: float = 4.0
    cross_correlation: float = 0.3
    participation: float = 0.1

    def __post_init__(self) -> None:
        require(1 <= len(self.holding) <= 16, "holding", self.holding, "1 to 16 holding classes")
        total = sum(kind.share for kind in self.holding)
        require(abs(total - 1) < 1e-9, "holding shares", total, "shares that add up to 1")
        in_range("disposition", self.disposition, -3, 3)
        positive("disposition_scale", self.disposition_scale)
        in_range("reaction", self.reaction, 0, 10)
        in_range("momentum", self.momentum, -3, 3)
        for name in (
            "partial_exit_share",
            "add_share",
            "stop_share",
            "stop_reliability",
            "topup_share",
            "topup_trigger",
            "partial_share",
        ):
            in_range(name, getattr(self, name), 0, 0.95 if name == "add_share" else 1)
        low, high = self.stop_range
        require(0 < low <= high < 1, "stop_range", self.stop_range, "0 < low <= high < 1")
        in_range("topup_size", self.topup_size, 0, 100)
        in_range("topup_times", self.topup_times, 0, 1000)
        positive("partial_notional", self.partial_notional)
        in_range("ladder_rungs", self.ladder_rungs, 0, 100)
        in_range("cross_drift", self.cross_drift, 0, 2)
        positive("cross_drift_hours", self.cross_drift_hours)
        in_range("cross_correlation", self.cross_correlation, -1, 1)
        in_range("participation", self.participation, 1e-4, 1)
