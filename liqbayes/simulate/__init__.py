"""Agent-based market with a known book, independent of the model that is fitted to it."""

from typing import TYPE_CHECKING, Any

from liqbayes.simulate.config import MarketConfig
from liqbayes.simulate.market_settings import FeedConfig, FlowConfig, PriceConfig
from liqbayes.simulate.presets import list_presets, market_preset
from liqbayes.simulate.reader_settings import ReaderConfig
from liqbayes.simulate.trader_settings import BehaviourConfig, HoldingClass, LeverageConfig

if TYPE_CHECKING:
    from liqbayes.simulate.chart import Publication, PublishedMap
    from liqbayes.simulate.market import SimulatedMarket, simulate_market
    from liqbayes.simulate.resample import resample_market
    from liqbayes.simulate.write import write_simulation

__all__ = [
    "BehaviourConfig",
    "FeedConfig",
    "FlowConfig",
    "HoldingClass",
    "LeverageConfig",
    "MarketConfig",
    "PriceConfig",
    "Publication",
    "PublishedMap",
    "ReaderConfig",
    "SimulatedMarket",
    "list_presets",
    "market_preset",
    "resample_market",
    "simulate_market",
    "write_simulation",
]

# These need numba or pandas, so they load on use.
_LAZY = {
    "Publication": "chart",
    "PublishedMap": "chart",
    "SimulatedMarket": "market",
    "simulate_market": "market",
    "resample_market": "resample",
    "write_simulation": "write",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
