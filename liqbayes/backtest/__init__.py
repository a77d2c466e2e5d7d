"""What a map of liquidation levels adds to the strongest forecasts without one."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liqbayes.backtest.plan import BacktestPlan
    from liqbayes.backtest.run import backtest
    from liqbayes.backtest.tables import BacktestResult

__all__ = ["BacktestPlan", "BacktestResult", "backtest"]

# These need PyMC or pandas, which forecasters alone do not.
_LAZY = {"BacktestPlan": "plan", "BacktestResult": "tables", "backtest": "run"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
