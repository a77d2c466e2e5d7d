"""What a simulated market is made of: frozen, validated settings.

Every default is a round number near a published or measured magnitude; the sources are listed in
``docs/explanation/simulator.md``. Shares are fractions, times hours unless the name says otherwise.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from liqbayes.simulate.market_settings import FeedConfig, FlowConfig, PriceConfig
from liqbayes.simulate.reader_settings import ReaderConfig
from liqbayes.simulate.trader_settings import BehaviourConfig, LeverageConfig
from liqbayes.simulate.validation import positive, require, whole

#: Steps per bar where the configuration leaves them open: fine enough that positions opened in a
#: bar can be liquidated in it, coarse enough that a month of hours takes about a second.
_DEFAULT_STEPS = {300: 2, 900: 4, 1800: 6, 3600: 6, 14400: 12, 86400: 24}


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
        Simulation steps in a bar; None takes 6 for hours, 2 for five minutes, 24 for days.
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
    readers : ReaderConfig
        Traders who act on a published map; none by default.

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
    readers: ReaderConfig = field(default_factory=ReaderConfig)

    def __post_init__(self) -> None:
        whole("bars", self.bars, 3, 200_000)
        seconds = whole("bar_seconds", self.bar_seconds, 60, 86_400)
        require(86_400 % seconds == 0, "bar_seconds", seconds, "seconds that divide a day")
        why = ": with one step nothing could be opened and liquidated in the same bar"
        steps = whole("steps_per_bar", self.steps, 2, 1000, why)
        require(seconds % steps == 0, "steps_per_bar", steps, f"a divisor of bar_seconds={seconds}")
        positive("price_at_start", self.price_at_start)
        whole("warmup_days", self.warmup_days, 1, 1000)
        whole("history_days", self.history_days, 2, 3000)
        flow = 2 * sum(kind.share * 24 / kind.hours for kind in self.behaviour.holding)
        require(
            flow <= 0.95 * self.flow.turnover,
            "turnover",
            self.flow.turnover,
            f"at least {flow / 0.95:.3g} a day with these holding classes, which open and close "
            f"{flow:.3g} times the open interest a day (lengthen HoldingClass.hours or lower "
            "the share of the fast class)",
        )

    @property
    def steps(self) -> int:
        """Simulation steps in a bar."""
        if self.steps_per_bar is not None:
            return self.steps_per_bar
        return _DEFAULT_STEPS.get(self.bar_seconds, 6)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain nested values (JSON-able); without readers where nobody reads."""
        settings = dataclasses.asdict(self)
        if self.readers.share == 0:
            # their settings change nothing, and markets from before there were any stay what
            # they are
            del settings["readers"]
        return settings
