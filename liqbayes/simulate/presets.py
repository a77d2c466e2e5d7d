"""Named market regimes."""

from dataclasses import replace
from typing import Any

from liqbayes.errors import InputError
from liqbayes.simulate.config import MarketConfig
from liqbayes.simulate.market_settings import FeedConfig, FlowConfig, PriceConfig
from liqbayes.simulate.trader_settings import MENU, BehaviourConfig, HoldingClass, LeverageConfig

_HIGH = (0, 1, 2, 4, 12, 25, 10, 22, 8, 10, 6)
_LOW = (12, 20, 25, 25, 12, 4, 1, 1, 0, 0, 0)
_SLOW_HOLDING = (
    HoldingClass(3.0, 0.005, 0.35),
    HoldingClass(36.0, 0.07, 0.6),
    HoldingClass(240.0, 0.625, 1.0),
    HoldingClass(2000.0, 0.30, 1.3),
)

_PRESETS: dict[str, MarketConfig] = {
    "default": MarketConfig(),
    "calm": MarketConfig(price=PriceConfig(hourly_volatility=0.0025, jumps_per_day=0.1)),
    "crash": MarketConfig(price=PriceConfig(crash=-0.25)),
    "squeeze": MarketConfig(price=PriceConfig(crash=0.22)),
    "trend": MarketConfig(price=PriceConfig(trend_per_day=0.012)),
    "downtrend": MarketConfig(price=PriceConfig(trend_per_day=-0.012)),
    "low-turnover": MarketConfig(
        flow=FlowConfig(turnover=0.6), behaviour=BehaviourConfig(holding=_SLOW_HOLDING)
    ),
    "high-leverage": MarketConfig(
        leverage=LeverageConfig(
            menu=MENU,
            weights_long=_HIGH,
            weights_short=_HIGH,
            multiple_median=2.0,
            isolated_share=0.25,
        )
    ),
    "low-leverage": MarketConfig(
        leverage=LeverageConfig(
            menu=MENU, weights_long=_LOW, weights_short=_LOW, multiple_median=1.6
        )
    ),
    "two-sided-leverage": MarketConfig(
        leverage=LeverageConfig(weights_long=_HIGH, weights_short=_LOW, multiple_median=2.5)
    ),
    "few-large": MarketConfig(
        flow=FlowConfig(
            notional_open_interest=5e8, effective_positions=(20.0, 20.0), size_ratio=30.0
        )
    ),
    "moving-levels": MarketConfig(
        behaviour=BehaviourConfig(cross_drift=0.07, topup_share=0.7, topup_times=8)
    ),
    "poor-feed": MarketConfig(feed=FeedConfig(throttle=0.1, kappa=0.3)),
    "full-feed": MarketConfig(feed=FeedConfig(throttle="none", kappa=1.0)),
    "no-feed": MarketConfig(feed=FeedConfig(publish=False)),
}


def list_presets() -> list[str]:
    """Names of the market regimes that `market_preset` knows."""
    return list(_PRESETS)


def market_preset(name: str = "default", **changes: Any) -> MarketConfig:
    """A named market regime, with fields of `MarketConfig` replaced as given.

    Parameters
    ----------
    name : str
        One of `list_presets`.
    **changes
        Fields of `MarketConfig` to set, such as ``bars=480``.

    Raises
    ------
    InputError
        For an unknown name or field.
    """
    if name not in _PRESETS:
        raise InputError(f"No market preset {name!r}; there are: {', '.join(_PRESETS)}.")
    try:
        return replace(_PRESETS[name], **changes)
    except TypeError as error:
        fields = ", ".join(MarketConfig.__dataclass_fields__)
        raise InputError(
            f"A market has no such setting among {sorted(changes)}; its fields are: {fields}."
        ) from error
